//! The ABIs under which programs run on a machine, and the numbers of the exec calls in each.

use netlink_packet_audit::constants as audit;

use crate::audit::syscalls::Arch;

/// One way to make system calls: `arch=b64` or `arch=b32` of audit rules, on some machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abi {
    /// `b64` or `b32`.
    pub word: &'static str,
    /// `AUDIT_ARCH_*` of `include/uapi/linux/audit.h`.
    pub arch: u32,
    /// Number of execve(2).
    pub execve: u32,
    /// Number of execveat(2).
    pub execveat: u32,
}

/// `uname -m`, then its ABIs; the numbers are those of the kernel's `syscall.tbl` files and, for
/// aarch64 and riscv64, of `include/uapi/asm-generic/unistd.h`.
const MACHINES: &[(&str, &[Abi])] = &[
    ("x86_64", &[b64(0xc000_003e, 59, 322), b32(0x4000_0003, 11, 358)]),
    ("i686", &[b32(0x4000_0003, 11, 358)]),
    ("aarch64", &[b64(0xc000_00b7, 221, 281), b32(0x4000_0028, 11, 387)]),
    ("armv7l", &[b32(0x4000_0028, 11, 387)]),
    ("ppc64le", &[b64(0xc000_0015, 11, 362)]),
    ("s390x", &[b64(0x8000_0016, 11, 354), b32(0x0000_0016, 11, 354)]),
    ("riscv64", &[b64(0xc000_00f3, 221, 281)]),
];

const fn b64(arch: u32, execve: u32, execveat: u32) -> Abi {
    Abi { word: "b64", arch, execve, execveat }
}

const fn b32(arch: u32, execve: u32, execveat: u32) -> Abi {
    Abi { word: "b32", arch, execve, execveat }
}

impl Abi {
    /// The ABIs of the running kernel, the wider first. Empty on machines that are not known.
    #[must_use]
    pub fn of_this_host() -> Vec<Self> {
        let machine = nix::sys::utsname::uname().map(|u| u.machine().to_string_lossy().into_owned());
        // A 64-bit x86 kernel shows this switch if and only if it can run 32-bit programs
        // (arch/x86/entry/vdso/vdso32-setup.c). Elsewhere a rule for an ABI that the kernel lacks
        // does no harm.
        let has_b32 =
            std::path::Path::new("/proc/sys/abi/vsyscall32").exists() || !cfg!(target_arch = "x86_64");
        Self::of(&machine.unwrap_or_default(), has_b32)
    }

    /// The ABIs of a machine by its `uname -m`.
    #[must_use]
    pub fn of(machine: &str, has_b32: bool) -> Vec<Self> {
        let abis = MACHINES.iter().find(|(name, _)| *name == machine).map_or(&[] as &[_], |(_, abis)| abis);
        abis.iter().filter(|abi| abi.word == "b64" || has_b32 || abis.len() == 1).copied().collect()
    }

    /// The number of the system call `name`, where this ABI has it.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        match name {
            "execve" => Some(self.execve),
            "execveat" => Some(self.execveat),
            _ => Arch(self.arch).syscall_number(name),
        }
    }

    /// The name of the system call `number`, where it has one.
    #[must_use]
    pub fn name(&self, number: u32) -> Option<&'static str> {
        match number {
            _ if number == self.execve => Some("execve"),
            _ if number == self.execveat => Some("execveat"),
            _ => Arch(self.arch).syscall_name(number),
        }
    }

    /// The ABI of an `AUDIT_ARCH_*` value.
    #[must_use]
    pub fn by_arch(arch: u32) -> Option<Self> {
        MACHINES.iter().flat_map(|(_, abis)| *abis).find(|abi| abi.arch == arch).copied()
    }
}

/// Guards the crate's idea of how many system calls a rule can name against the table above.
const _: () = assert!(audit::AUDIT_BITMASK_SIZE * 32 > 387);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_32_bit_programs_gets_one_abi() {
        let words = |machine, has| Abi::of(machine, has).iter().map(|a| a.word).collect::<Vec<_>>();
        assert_eq!(words("x86_64", true), ["b64", "b32"]);
        assert_eq!(words("x86_64", false), ["b64"]);
        assert_eq!(words("i686", false), ["b32"]);
        assert_eq!(words("aarch64", true), ["b64", "b32"]);
        assert_eq!(words("vax", true), [""; 0]);
    }

    #[test]
    fn this_machine_is_known() {
        assert!(!Abi::of_this_host().is_empty());
    }
}
