//! The rules of `rules/`, inside the program: it works with no file installed.

/// File name and text of each file in `rules/`, sorted; a test compares it with the directory.
pub(super) const RULES: &[(&str, &str)] = &[(
    "persistence_linux_backdoor_user_creation.toml",
    include_str!("../../rules/persistence_linux_backdoor_user_creation.toml"),
)];

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn every_file_of_the_directory_is_embedded() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");
        let entries = fs::read_dir(directory).expect("rules/").map(|entry| entry.expect("entry").file_name());
        let mut files: Vec<_> = entries.filter_map(|name| name.into_string().ok()).collect();
        files.retain(|name| name.ends_with(".toml"));
        files.sort();
        let embedded: Vec<_> = super::RULES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(embedded, files, "src/rule/embedded.rs lists every file of rules/, sorted");
    }
}
