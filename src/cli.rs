//! The command line: what a user types, and the exit code that comes back.
//!
//! A command is a file below; it returns what went wrong as a [`Failure`], which alone knows the
//! exit code. A command that cannot be carried out to its end yet is not there at all.

mod bird_conf;
mod change;
mod check;
mod client;
mod completions;
mod drill;
mod explain;
mod failure;
mod history;
mod init;
mod man;
mod output;
mod place;
mod reading;
mod ready;
mod reload;
mod render;
mod run;
mod simulate;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::client::Daemon;
use self::failure::Failure;

/// Announces a standby site's prefixes through BIRD when the primary is really dead, and withdraws
/// them when it is really back.
#[derive(Debug, Parser)]
#[command(name = "falconer", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Arguments {
    /// The configuration
    #[arg(short, long, global = true, value_name = "FILE", default_value = place::CONFIG)]
    config: PathBuf,

    /// The daemon's socket [default: the configuration's, else /run/falconer/falconer.sock]
    #[arg(short, long, global = true, value_name = "FILE")]
    socket: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

/// How the exit codes are explained in the help and in the manual.
const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 69 daemon or BIRD not reachable, \
77 no permission, 78 wrong configuration; those of \"falconer ready\" are its own.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    Run(run::Run),
    /// Check the configuration, and whether BIRD would take what it renders to; changes nothing
    Check(check::Check),
    /// Print bird.conf as the configuration would have it, compare it, write it, or have BIRD run it
    Render(render::Render),
    /// Have the daemon go over to the changed configuration; what did not change is not touched
    Reload(reload::Reload),
    /// Show what Falconer thinks and what BIRD does
    Status(status::Status),
    /// Say whether we would take over if the primary died now, and what speaks against it
    Ready(ready::Ready),
    /// Show the facts behind a service's state, and what would change it
    Explain(explain::Explain),
    /// Announce a service, whatever its probes say
    Announce(change::Override),
    /// Withdraw a service at once, whatever its probes say
    Withdraw(change::Override),
    /// Leave BIRD alone for a service, whatever its probes say
    Freeze(change::Override),
    /// Let the probes decide again: ends an override, releases a latch
    Auto(change::Word),
    /// Let one failback go ahead that waits for an operator or a window
    Failback(change::Word),
    /// Rehearse the announcement: announce, see it carried, fall silent again
    Drill(drill::Drill),
    /// Show what happened, and when
    History(history::History),
    /// Play a trace through the rules, and show what would have happened
    Simulate(simulate::Simulate),
    /// Write a commented configuration from a few answers
    Init(init::Init),
    /// Print the completions for a shell
    Completions(completions::Completions),
    /// Print a page of the manual, for man(1)
    Man(man::Man),
}

/// Carries out what the process's arguments ask for.
pub fn main() -> ExitCode {
    // Wrong usage ends here with 2, and --help and --version with 0.
    let arguments = Arguments::parse();
    match carry_out(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure);
            failure.exit_code()
        }
    }
}

fn carry_out(arguments: Arguments) -> Result<(), Failure> {
    let Arguments {
        config,
        socket,
        command,
    } = arguments;
    let daemon = || Daemon::at(socket.clone().unwrap_or_else(|| place::socket(&config)));
    match command {
        Command::Run(command) => command.run(config),
        Command::Check(command) => command.run(&config, &daemon()),
        Command::Render(command) => command.run(&config, &daemon()),
        Command::Reload(command) => command.run(&daemon()),
        Command::Status(command) => command.run(&daemon()),
        Command::Ready(command) => command.run(&daemon()),
        Command::Explain(command) => command.run(&daemon()),
        Command::Announce(word) => word.run("announce", &daemon()),
        Command::Withdraw(word) => word.run("withdraw", &daemon()),
        Command::Freeze(word) => word.run("freeze", &daemon()),
        Command::Auto(word) => word.run("auto", &daemon()),
        Command::Failback(word) => word.run("failback", &daemon()),
        Command::Drill(command) => command.run(&daemon()),
        Command::History(command) => command.run(&daemon()),
        Command::Simulate(command) => command.run(&config),
        Command::Init(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_help_reads_as_its_golden_file() {
        let mut root = Arguments::command().term_width(80);
        root.build();
        for command in std::iter::once(&mut root.clone()).chain(root.get_subcommands_mut()) {
            let name = format!("help_{}", command.get_name());
            insta::assert_snapshot!(name, command.render_long_help());
        }
    }
}
