//! Decodes all there is in a record, whatever it holds: what the tests on garbage and the fuzz targets
//! share. Nothing here may panic.

use auditward::audit::execve::Arguments;
use auditward::audit::fields::{self, Field};
use auditward::audit::syscalls::Arch;
use auditward::audit::value::{self, Keys};
use auditward::audit::{Record, Syscall, errno};

/// Every field of every part by every decoder. The bytes decoded are summed up, and checked to be no more
/// than what the record holds allows.
pub(crate) fn decode_everything(record: &Record<'_>, arguments: &mut Arguments) -> usize {
    let mut sum = 0;
    let parts =
        fields::kernel(record.body).chain(fields::user(record.body)).chain(fields::enriched(record.enriched));
    for field in parts {
        sum += decode(&field);
    }
    let call = Syscall::parse(record.body);
    for raw in [call.arch, call.pid, call.exit, call.a0, call.ses] {
        sum += raw.len();
    }
    for field in [call.comm, call.exe, call.subj, call.key].into_iter().flatten() {
        sum += decode(&field);
    }
    let arch = value::hexadecimal(call.arch).and_then(|arch| u32::try_from(arch).ok());
    let number = value::unsigned(call.syscall).and_then(|number| u32::try_from(number).ok());
    if let (Some(arch), Some(number)) = (arch, number) {
        sum += Arch(arch).syscall_name(number).map_or(0, str::len);
    }
    if let Some(error) = value::signed(call.exit).and_then(|exit| u32::try_from(exit.unsigned_abs()).ok()) {
        sum += errno::name(error).map_or(0, str::len);
    }
    arguments.read_bodies([record.body].into_iter());
    let bytes: usize = arguments.iter().map(<[u8]>::len).sum();
    assert!(bytes + arguments.len() <= record.body.len(), "more came out than went in");
    sum + bytes
}

fn decode(field: &Field<'_>) -> usize {
    let mut sum = 0;
    if let Some(text) = value::untrusted(field) {
        assert!(text.len() <= field.raw.len());
        sum += text.len() + value::title_strings(&text).count();
    }
    let mut into = Vec::new();
    if value::untrusted_into(field, &mut into) {
        assert_eq!(value::untrusted(field).as_deref(), Some(&into[..]));
    }
    sum += Keys::of(field).iter().map(<[u8]>::len).sum::<usize>();
    sum += usize::from(value::socket_address(field.raw).is_some());
    sum += usize::from(value::is_absent(field));
    sum += usize::from(value::unsigned(field.raw).is_some() && value::signed(field.raw).is_some());
    sum += usize::from(value::hexadecimal(field.raw).is_some() || value::octal(field.raw).is_some());
    sum
}
