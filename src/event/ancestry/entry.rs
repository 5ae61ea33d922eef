//! Where a session, service or container begins: `process.entry_leader`.

use super::image::Image;
use super::process::Entry;
use super::slots::ProcessRef;
use super::table::ProcessTable;

impl ProcessTable {
    /// Decides whether a process begins a session, service or container of its own.
    pub(super) fn find_entry(&mut self, at: ProcessRef, before: Option<&Image>) {
        let Some(process) = self.get(at) else { return };
        let parent = process.parent.and_then(|p| self.get(p));
        let name = |image| Option::and_then(image, Image::name).unwrap_or_default();
        let own = name(process.image.as_ref());
        let from = [name(before), name(parent.and_then(|p| p.image.as_ref()))];
        let left = |program: &[u8]| from.iter().any(|n| n.starts_with(program)) && !own.starts_with(program);
        let found = if process.ppid == 2 || process.pid == 2 {
            Some(Entry::Kernel)
        } else if process.container.is_some() && parent.is_none_or(|p| p.container != process.container) {
            Some(Entry::Container)
        } else if left(b"sshd") {
            Some(Entry::Sshd)
        } else if left(b"login") || left(b"agetty") {
            Some(Entry::Terminal)
        } else if process.ppid == 1 || process.pid == 1 {
            Some(Entry::Init)
        } else {
            None
        };
        // An exec does not begin anew what the process had begun already.
        let begun = process.entry == Some(at);
        if let Some(found) = found
            && !(begun && found == Entry::Init)
            && let Some(process) = self.get_mut(at)
        {
            process.entry = Some(at);
            process.entry_type = found;
        }
    }
}
