//! A git history from scratch, for the demo: the only place where belay writes to a repository, and it
//! is one that belay itself has just made.

use std::path::{Path, PathBuf};

use belay_gate::Permit;
use belay_model::{Action, Digest, Resource, Verb, Zone};
use fs_err as fs;

use crate::git::program;
use crate::{OutsideError, Stop};

/// One commit: the files that it adds or replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    pub branch: String,
    pub message: String,
    pub files: Vec<(PathBuf, Vec<u8>)>,
}

/// The action of writing a history into `folder`.
pub fn writing_history(folder: &Path, chapters: &[Chapter]) -> Action {
    let told: Vec<String> = chapters
        .iter()
        .map(|chapter| {
            let files = chapter
                .files
                .iter()
                .map(|(path, body)| format!("{} {}", path.display(), Digest::of(body)));
            format!(
                "{} {}\n{}",
                chapter.branch,
                chapter.message,
                files.collect::<Vec<_>>().join("\n")
            )
        })
        .collect();
    Action::new(Verb::MaterialiseTree, Resource::new("tree:demo", Zone::Scratch))
        .with("into", folder.to_string_lossy())
        .with("history", Digest::of(told.join("\n\n")).to_string())
}

/// Makes a repository in `folder` and writes the chapters, each on its branch. Dates are fixed, so that
/// every demo has the same commits.
pub async fn write_history(
    permit: Permit,
    folder: &Path,
    chapters: &[Chapter],
) -> Result<(), OutsideError> {
    permit.admit(&writing_history(folder, chapters))?;
    let mut branch = String::new();
    for (at, chapter) in chapters.iter().enumerate() {
        if at == 0 {
            git(folder, &["init", "--quiet", "--initial-branch", &chapter.branch], at).await?;
        } else if chapter.branch != branch {
            git(folder, &["checkout", "--quiet", "-b", &chapter.branch], at).await?;
        }
        branch.clone_from(&chapter.branch);
        for (path, body) in &chapter.files {
            let path = folder.join(path);
            let made = fs::create_dir_all(path.parent().unwrap_or(folder))
                .and_then(|()| fs::write(&path, body));
            made.map_err(OutsideError::io("cannot write the project"))?;
        }
        git(folder, &["add", "--all"], at).await?;
        git(folder, &["commit", "--quiet", "--no-verify", "--message", chapter.message.trim()], at)
            .await?;
    }
    Ok(())
}

async fn git(folder: &Path, args: &[&str], day: usize) -> Result<(), OutsideError> {
    let date = format!("2025-10-{:02}T09:00:00Z", (day + 1).min(28));
    let identity =
        ["-c", "user.name=Shop", "-c", "user.email=shop@example.com", "-c", "commit.gpgSign=false"];
    let program = program(Path::new("git"), folder)
        .args(identity)
        .args(args.iter().copied())
        .env("GIT_AUTHOR_DATE", &date)
        .env("GIT_COMMITTER_DATE", &date);
    let finished = program.run(&Stop::never(), |_| ()).await?;
    if finished.succeeded() {
        return Ok(());
    }
    Err(OutsideError::Git {
        purpose: "make the demo's history",
        message: finished.stderr.trim().to_owned(),
    })
}
