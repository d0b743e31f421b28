//! The `belay` binary: reads arguments and configuration, calls a use case, prints its result. It
//! decides nothing.

mod args;
mod ci;
mod commands;
mod config;
mod failure;
mod house;
mod pages;
mod ui;

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use clap::Parser as _;

use crate::args::Cli;
use crate::failure::Failure;
use crate::ui::Ui;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    match words.next() {
        Some(word) if word == "__launch" => return launch(words.collect()),
        Some(word) if word == "__guard" => return guard(words.collect()),
        _ => (),
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let words: Vec<String> =
                std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
            return failure::of_arguments(&error, &words);
        }
    };
    let ui = Ui::new(cli.format(), cli.quiet);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(&cli, &ui)),
        Err(error) => {
            Err(Failure::surroundings("process/runtime", format!("cannot start: {error}")))
        }
    };
    match outcome {
        Ok(outcome) => outcome.exit_code(),
        Err(failure) => {
            ui.failure(&failure);
            failure.exit_code()
        }
    }
}

/// Becomes another program that is killed when this one's parent goes, so that no dbt goes on writing
/// after a `kill -9` of belay.
fn launch(words: Vec<std::ffi::OsString>) -> ExitCode {
    let alive = belay_outside::die_with_parent().unwrap_or(false);
    let (true, Some((program, args))) = (alive, words.split_first()) else {
        return ExitCode::from(failure::BUG);
    };
    let error = Command::new(program).args(args).exec();
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    ExitCode::from(if missing { 127 } else { 126 })
}

/// Stands beside a command of a workflow, and kills its whole group when this one's parent goes.
fn guard(words: Vec<std::ffi::OsString>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.and_then(|runtime| runtime.block_on(belay_outside::guard(words)));
    ExitCode::from(ended.unwrap_or_else(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        if missing { 127 } else { 126 }
    }))
}
