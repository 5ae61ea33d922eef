//! The rules of `rules/`, inside the program: it works with no file installed.

/// File name and text of each file in `rules/`, sorted; a test compares it with the directory.
pub(super) const RULES: &[(&str, &str)] = &[
    (
        "defense_evasion_account_named_root.toml",
        include_str!("../../rules/defense_evasion_account_named_root.toml"),
    ),
    (
        "defense_evasion_audit_backlog_lowered.toml",
        include_str!("../../rules/defense_evasion_audit_backlog_lowered.toml"),
    ),
    (
        "defense_evasion_audit_rate_limited.toml",
        include_str!("../../rules/defense_evasion_audit_rate_limited.toml"),
    ),
    (
        "defense_evasion_audit_rules_reloaded.toml",
        include_str!("../../rules/defense_evasion_audit_rules_reloaded.toml"),
    ),
    (
        "defense_evasion_audit_rules_removed.toml",
        include_str!("../../rules/defense_evasion_audit_rules_removed.toml"),
    ),
    (
        "defense_evasion_auditd_not_back.toml",
        include_str!("../../rules/defense_evasion_auditd_not_back.toml"),
    ),
    ("defense_evasion_auditd_stopped.toml", include_str!("../../rules/defense_evasion_auditd_stopped.toml")),
    (
        "defense_evasion_auditing_disabled.toml",
        include_str!("../../rules/defense_evasion_auditing_disabled.toml"),
    ),
    (
        "defense_evasion_auditward_changed_by_package.toml",
        include_str!("../../rules/defense_evasion_auditward_changed_by_package.toml"),
    ),
    (
        "defense_evasion_auditward_directory_changed.toml",
        include_str!("../../rules/defense_evasion_auditward_directory_changed.toml"),
    ),
    (
        "defense_evasion_auditward_files_changed.toml",
        include_str!("../../rules/defense_evasion_auditward_files_changed.toml"),
    ),
    (
        "defense_evasion_auditward_kernel_rules_removed.toml",
        include_str!("../../rules/defense_evasion_auditward_kernel_rules_removed.toml"),
    ),
    (
        "persistence_account_file_written.toml",
        include_str!("../../rules/persistence_account_file_written.toml"),
    ),
    (
        "persistence_account_given_uid_0.toml",
        include_str!("../../rules/persistence_account_given_uid_0.toml"),
    ),
    (
        "persistence_account_password_emptied.toml",
        include_str!("../../rules/persistence_account_password_emptied.toml"),
    ),
    (
        "persistence_account_sources_changed.toml",
        include_str!("../../rules/persistence_account_sources_changed.toml"),
    ),
    (
        "persistence_account_sources_written.toml",
        include_str!("../../rules/persistence_account_sources_written.toml"),
    ),
    ("persistence_account_with_uid_0.toml", include_str!("../../rules/persistence_account_with_uid_0.toml")),
    (
        "persistence_accounts_made_in_bulk.toml",
        include_str!("../../rules/persistence_accounts_made_in_bulk.toml"),
    ),
    (
        "persistence_linux_backdoor_user_creation.toml",
        include_str!("../../rules/persistence_linux_backdoor_user_creation.toml"),
    ),
    (
        "persistence_system_account_given_a_shell.toml",
        include_str!("../../rules/persistence_system_account_given_a_shell.toml"),
    ),
    ("persistence_uid_0_by_arguments.toml", include_str!("../../rules/persistence_uid_0_by_arguments.toml")),
    (
        "persistence_unknown_account_source.toml",
        include_str!("../../rules/persistence_unknown_account_source.toml"),
    ),
    (
        "privilege_escalation_member_of_privileged_group.toml",
        include_str!("../../rules/privilege_escalation_member_of_privileged_group.toml"),
    ),
    (
        "privilege_escalation_new_member_of_privileged_group.toml",
        include_str!("../../rules/privilege_escalation_new_member_of_privileged_group.toml"),
    ),
    (
        "privilege_escalation_privileged_group_by_arguments.toml",
        include_str!("../../rules/privilege_escalation_privileged_group_by_arguments.toml"),
    ),
    (
        "privilege_escalation_sudoers_changed.toml",
        include_str!("../../rules/privilege_escalation_sudoers_changed.toml"),
    ),
    (
        "privilege_escalation_sudoers_file_written.toml",
        include_str!("../../rules/privilege_escalation_sudoers_file_written.toml"),
    ),
];

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
