//! The falconer command. Everything is in the library.

fn main() -> std::process::ExitCode {
    falconer::cli::main()
}
