//! What the processes that `run` starts beside itself, the keeper and the probe, have in common.

use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};

/// Takes this process out of the terminal's and the service manager's hands: a terminal's ^C goes to the whole process
/// group, a manager's SIGTERM to the whole control group; the daemon's end is what counts.
pub(super) fn outlive_the_terminal() {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        signals.add(signal);
    }
    let _ = signals.thread_block();
    let _ = nix::unistd::setsid();
    // Started through /proc/self/exe, it would be listed as `exe`.
    let _ = prctl::set_name(c"auditward");
}
