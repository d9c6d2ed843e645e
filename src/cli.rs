//! The command line: what a user types, and the exit code that comes back.
//!
//! A command is a file below; it returns what went wrong as a [`CliError`], which alone knows the
//! exit code. A command that cannot be carried out to its end yet is not there at all.

mod check;
mod client;
mod completions;
mod drill;
mod exit;
mod explain;
mod history;
mod init;
mod load;
mod man;
mod output;
mod overrides;
mod paths;
mod ready;
mod reload;
mod render;
mod rendered;
mod run;
mod simulate;
mod status;
pub mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::client::DaemonClient;
use self::exit::CliError;
use crate::model::command::OperatorCommand;

/// Announces a standby site's prefixes through BIRD when the primary is really dead, and withdraws
/// them when it is really back.
#[derive(Debug, Parser)]
#[command(name = "falconer", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Arguments {
    /// The configuration
    #[arg(short, long, global = true, value_name = "FILE", default_value = paths::CONFIG)]
    config: PathBuf,

    /// The daemon's socket [default: the configuration's, else /run/falconer/falconer.sock]
    #[arg(short, long, global = true, value_name = "FILE")]
    socket: Option<PathBuf>,

    #[command(subcommand)]
    command: CliCommand,
}

/// How the exit codes are explained in the help and in the manual.
const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 69 daemon or BIRD not reachable, \
77 no permission, 78 wrong configuration; those of \"falconer ready\" are its own.";

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// Run the daemon
    Run(run::RunArgs),
    /// Check the configuration, and whether BIRD would accept the bird.conf rendered from it; changes nothing
    Check(check::CheckArgs),
    /// Render bird.conf from the configuration, and print it, compare it, write it, or load it into BIRD
    Render(render::RenderArgs),
    /// Load the changed configuration into the daemon; what did not change is not touched
    Reload(reload::ReloadArgs),
    /// Show Falconer's decisions and BIRD's state
    Status(status::StatusArgs),
    /// Say whether this site would take over if the primary died now, and what would prevent it
    Ready(ready::ReadyArgs),
    /// Show the facts behind a service's state, and what would change it
    Explain(explain::ExplainArgs),
    /// Announce a service, whatever its probes say
    Announce(overrides::OverrideArgs),
    /// Withdraw a service, or all, whatever the probes say: at once, or through drain
    Withdraw(overrides::WithdrawArgs),
    /// Send BIRD nothing for a service, whatever its probes say
    Freeze(overrides::OverrideArgs),
    /// Let the probes decide again: end an override, release a latch
    Auto(overrides::ServiceArgs),
    /// Allow one failback that waits for an operator or a window
    Failback(overrides::ServiceArgs),
    /// Rehearse a takeover: announce, wait until upstreams carry it, withdraw
    Drill(drill::DrillArgs),
    /// Show what happened, and when
    History(history::HistoryArgs),
    /// Play a trace through the rules, and show what would happen
    Simulate(simulate::SimulateArgs),
    /// Write a commented configuration from a few answers
    Init(init::InitArgs),
    /// Print the completions for a shell
    Completions(completions::CompletionsArgs),
    /// Print a page of the manual, for man(1)
    Man(man::ManArgs),
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

fn carry_out(arguments: Arguments) -> Result<(), CliError> {
    let Arguments {
        config,
        socket,
        command,
    } = arguments;
    let daemon = || DaemonClient::at(socket.clone().unwrap_or_else(|| paths::socket(&config)));
    match command {
        CliCommand::Run(command) => command.run(config),
        CliCommand::Check(command) => command.run(&config, &daemon()),
        CliCommand::Render(command) => command.run(&config, &daemon()),
        CliCommand::Reload(command) => command.run(&daemon()),
        CliCommand::Status(command) => command.run(&daemon()),
        CliCommand::Ready(command) => command.run(&daemon()),
        CliCommand::Explain(command) => command.run(&daemon()),
        CliCommand::Announce(word) => word.run(OperatorCommand::Announce, &daemon()),
        CliCommand::Withdraw(command) => command.run(&daemon()),
        CliCommand::Freeze(word) => word.run(OperatorCommand::Freeze, &daemon()),
        CliCommand::Auto(word) => word.run(|reason| OperatorCommand::Auto { reason }, &daemon()),
        CliCommand::Failback(word) => word.run(|reason| OperatorCommand::Failback { reason }, &daemon()),
        CliCommand::Drill(command) => command.run(&daemon()),
        CliCommand::History(command) => command.run(&daemon()),
        CliCommand::Simulate(command) => command.run(&config),
        CliCommand::Init(command) => command.run(),
        CliCommand::Completions(command) => command.run(Arguments::command()),
        CliCommand::Man(command) => command.run(Arguments::command()),
    }
}

#[cfg(test)]
mod tests {
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
