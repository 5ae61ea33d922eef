#!/usr/bin/env bash
# soak.sh [MINUTES]: 10,000 alerts a minute for so long (10 unless said) down a file, a file with a limit, rsyslogd over TCP and a
# receiver that never reads. Every destination gets what its limits say, and nothing is uncounted; what was seen stands in the
# last line. Needs rsyslogd.
set -euo pipefail
cd "$(dirname "$0")/.."
export AUDITWARD_STORM_MINUTES=${1:-10}
exec cargo test --release --test storm -- --nocapture
