//! The `auditward` command: a thin door into [`auditward::cli`].

fn main() -> std::process::ExitCode {
    auditward::cli::main()
}
