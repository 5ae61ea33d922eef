//! What the arguments of a reading command name: files, directories with all that is below, patterns, `-`.

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files that `arguments` name, in the order in which they are read; `-` stays what it is, and so does what is not
/// there. A directory is read with all below it in the order of names, rotated logs before those that followed them.
/// Hidden files, and what is no file, are left out of it. What cannot be listed is in the second list, with the reason.
pub(super) fn expand(arguments: &[PathBuf]) -> (Vec<PathBuf>, Vec<(PathBuf, io::Error)>) {
    let (mut files, mut failed) = (Vec::new(), Vec::new());
    for argument in arguments {
        match matches(argument) {
            Some(found) => found.iter().for_each(|path| below(path, &mut files, &mut failed)),
            None => below(argument, &mut files, &mut failed),
        }
    }
    (files, failed)
}

/// What fits a pattern, in the order of reading; none where it is no pattern, or a file of that very name is there.
fn matches(argument: &Path) -> Option<Vec<PathBuf>> {
    let text = argument.to_str().filter(|text| text.contains(['*', '?', '[']))?;
    if argument.symlink_metadata().is_ok() {
        return None;
    }
    let mut found: Vec<PathBuf> = glob::glob(text).ok()?.filter_map(Result::ok).collect();
    found.sort_by_cached_key(|path| place(path));
    // One that fits nothing is told as what is not there.
    (!found.is_empty()).then_some(found)
}

fn below(path: &Path, files: &mut Vec<PathBuf>, failed: &mut Vec<(PathBuf, io::Error)>) {
    if !path.is_dir() {
        return files.push(path.to_owned());
    }
    let entries = match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => entries,
        Err(error) => return failed.push((path.to_owned(), error)),
    };
    let visible = entries.iter().filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    let mut paths: Vec<PathBuf> = visible
        .filter(|entry| match entry.file_type() {
            // A link to a file is read, one to a directory could lead round in a circle.
            Ok(kind) if kind.is_symlink() => entry.path().is_file(),
            Ok(kind) => kind.is_file() || kind.is_dir(),
            Err(_) => true,
        })
        .map(fs::DirEntry::path)
        .collect();
    paths.sort_by_cached_key(|path| place(path));
    paths.iter().for_each(|path| below(path, files, failed));
}

/// Where a file stands among others: by directory, then by the name of its log, then the oldest rotated one first
/// (`log.10`, `log.9.gz`, …, `log.1`, or `log-20261127`, `log-20261128`), the one that is written last.
fn place(path: &Path) -> (PathBuf, String, bool, Reverse<u64>, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let directory = path.parent().unwrap_or(Path::new("")).to_owned();
    let plain = [".gz", ".zst", ".zstd"].into_iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let number = |at: usize, least: usize| {
        let digits = plain.get(at + 1..).filter(|digits| digits.len() >= least)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok())?
    };
    let numbered = plain.rfind('.').and_then(|at| Some((at, number(at, 1)?)));
    if let Some((at, number)) = numbered {
        return (directory, plain.get(..at).unwrap_or_default().to_owned(), false, Reverse(number), name);
    }
    if let Some(at) = plain.rfind('-').filter(|at| number(*at, 8).is_some()) {
        return (directory, plain.get(..at).unwrap_or_default().to_owned(), false, Reverse(0), name);
    }
    (directory, plain.to_owned(), true, Reverse(0), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_and_patterns_are_read_in_the_order_of_time() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("b/empty")).unwrap();
        let names = [
            "audit.log.2.gz",
            "b/x-20261128.zst",
            ".hidden",
            "audit.log",
            "audit.log.10.gz",
            "b/x",
            "audit.log.1",
            "a.ndjson",
            "b/x-20261127",
        ];
        names.iter().for_each(|name| fs::write(root.join(name), "").unwrap());
        std::os::unix::fs::symlink(root, root.join("circle")).unwrap();
        std::os::unix::fs::symlink(root.join("b/x"), root.join("link")).unwrap();
        let expanded = |arguments: &[&str]| {
            let (files, failed) = expand(&arguments.iter().map(|name| root.join(name)).collect::<Vec<_>>());
            assert!(failed.is_empty(), "{failed:?}");
            let name = |path: &PathBuf| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.iter().map(name).collect::<Vec<_>>()
        };
        let logs = ["audit.log.10.gz", "audit.log.2.gz", "audit.log.1", "audit.log"];
        assert_eq!(expanded(&["audit*"]), logs);
        let all = [&["a.ndjson"][..], &logs, &["b/x-20261127", "b/x-20261128.zst", "b/x", "link"]].concat();
        assert_eq!(expanded(&[""]), all);
        assert_eq!(expanded(&["no*", "b/x", "b/x"]), ["no*", "b/x", "b/x"]);
        assert_eq!(expand(&["-".into()]).0, [PathBuf::from("-")]);
    }
}
