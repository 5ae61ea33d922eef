//! `cost`: what recording every execution would cost on this host.

use std::fs;
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::audit::auditd_conf::{AUDITD_CONF, AuditdConf};
use crate::audit::kernel_rules::cost::{Cost, forks_since_boot, risks_of_this_host};

fn forks() -> anyhow::Result<u64> {
    let stat = fs::read_to_string("/proc/stat").context("/proc/stat")?;
    forks_since_boot(&stat).context("/proc/stat has no line `processes`")
}

/// Measures for `span` and tells.
pub(super) fn tell(span: Duration, out: &mut impl Write) -> anyhow::Result<()> {
    let auditd = AuditdConf::of_this_host();
    let (begun, before) = (Instant::now(), forks()?);
    sleep(span);
    let cost = Cost::of(forks()?.saturating_sub(before), begun.elapsed(), auditd.as_ref());
    writeln!(out, "{:.1} new processes a second, over {} s", cost.forks, span.as_secs())?;
    writeln!(out, "every execution recorded (profile all), as these were executions:")?;
    writeln!(out, "  {:.0} records a second", cost.records)?;
    writeln!(out, "  {:.0} MB a day in auditd's log (1,934 bytes each, measured)", cost.megabytes_a_day)?;
    writeln!(
        out,
        "  the same records again in the journal, where systemd-journald-audit.socket is active or no auditd runs; \
         its bytes were not measured"
    )?;
    match (cost.hours_kept, &auditd) {
        (Some(hours), _) => writeln!(out, "  auditd's rotation then reaches back {hours:.1} hours")?,
        (None, Some(conf)) if !conf.rotates() => {
            writeln!(out, "  auditd does not rotate ({AUDITD_CONF}): the disk fills")?;
        }
        (None, Some(_)) => {}
        (None, None) => writeln!(out, "  {AUDITD_CONF} cannot be read: is auditd installed?")?,
    }
    for risk in risks_of_this_host() {
        writeln!(out, "risk: {risk}")?;
    }
    Ok(())
}

/// Why every execution is not to be recorded here unless somebody insists.
pub(super) fn refusal() -> Option<String> {
    let risks = risks_of_this_host();
    (!risks.is_empty()).then(|| {
        format!(
            "profile all is refused on this host without --force:\n  {}\n`auditward kernel-rules cost` says how much \
             would be written",
            risks.join("\n  ")
        )
    })
}
