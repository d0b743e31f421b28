//! Kills belay at random moments, again and again, while runs with effects go on, and then looks
//! whether anything acknowledged is missing, anything was done twice, or anything is left.
//!
//! `tools/crash --kills 500 --store postgres` runs one of these tests with more kills.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "the figures are what people run it for")]

mod chance;
mod ground;
mod processes;
mod verdict;

use std::fmt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::ground::{Ground, Place};

/// How many kills, unless `BELAY_CRASH_KILLS` says it: enough to notice, few enough to wait for.
const KILLS: u64 = 25;

/// How many runs wait for the workers at most.
const BACKLOG: usize = 8;

#[test]
fn nothing_is_lost_or_doubled_when_workers_on_sqlite_are_killed() {
    crash(Place::Sqlite);
}

#[test]
fn nothing_is_lost_or_doubled_when_workers_on_postgres_are_killed() {
    crash(Place::Postgres);
}

/// What the driver did and saw while it killed.
#[derive(Debug, Default)]
struct Toll {
    at_work: u64,
    anywhere: u64,
    queueing: u64,
    /// Runs that belay said were queued.
    acknowledged: Vec<String>,
    /// The longest that a process of a killed worker outlived it.
    outlived: Duration,
}

impl fmt::Display for Toll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_work, anywhere, queueing, acknowledged, outlived } = self;
        writeln!(
            f,
            "kills            {}: {at_work} of a worker in a step, {anywhere} of a worker anywhere, \
             {queueing} of `belay run --queue`",
            at_work + anywhere + queueing
        )?;
        writeln!(f, "acknowledged     {} runs", acknowledged.len())?;
        write!(
            f,
            "orphans          none; the last child was gone after {} ms",
            outlived.as_millis()
        )
    }
}

fn crash(place: Place) {
    let (kills, seed) =
        (setting("BELAY_CRASH_KILLS").unwrap_or(KILLS), setting("BELAY_CRASH_SEED"));
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("{place}: {kills} kills, BELAY_CRASH_SEED={seed}");
    let ground = Ground::new(place);
    let began = Instant::now();
    let toll = kill(&ground, &mut Chance::new(seed), kills);
    let killed = began.elapsed();
    drain(&ground);
    let verdict = verdict::of(&ground, &toll.acknowledged);
    println!("{toll}\n{verdict}");
    println!("took             {killed:.1?} to kill, {:.1?} in all", began.elapsed());
    assert_eq!(processes::below(&ground.folder()), [0; 0], "processes that are left");
    assert_eq!(verdict.faults, [""; 0]);
    ground.clear();
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment how long to go on"
)]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Keeps two workers and one that queues at work, and kills one of them at a time.
fn kill(ground: &Ground, chance: &mut Chance, kills: u64) -> Toll {
    let mut toll = Toll::default();
    let mut workers = [ground.worker(), ground.worker()];
    let mut queueing: Option<Child> = None;
    for _ in 0..kills {
        queueing = feed(ground, queueing, &mut toll);
        // Half of the blows wait for a step; a worker has other things to do as well.
        let victim = chance.below(workers.len() as u64 * 2 + 1);
        match (workers.get_mut(usize::try_from(victim / 2).unwrap()), victim % 2) {
            (Some(worker), 0) => {
                chance.wait(500);
                toll.anywhere += 1;
                strike(worker, &mut toll.outlived);
                *worker = ground.worker();
            }
            (Some(worker), _) => {
                while !processes::has_children(worker.id()) {
                    assert_eq!(worker.try_wait().unwrap(), None, "a worker ended by itself");
                    std::thread::sleep(Duration::from_millis(2));
                    queueing = feed(ground, queueing, &mut toll);
                }
                chance.wait(120);
                toll.at_work += 1;
                strike(worker, &mut toll.outlived);
                *worker = ground.worker();
            }
            (None, _) => {
                let mut child = queueing.take().unwrap_or_else(|| ground.queue());
                chance.wait(500);
                toll.queueing += 1;
                child.kill().unwrap();
                toll.acknowledged.extend(ground::told(child));
            }
        }
    }
    for mut worker in workers {
        strike(&mut worker, &mut toll.outlived);
    }
    toll.acknowledged.extend(queueing.and_then(ground::told));
    toll
}

/// Queues another run when the last is told of and the workers come after.
fn feed(ground: &Ground, queueing: Option<Child>, toll: &mut Toll) -> Option<Child> {
    if let Some(mut child) = queueing {
        if child.try_wait().unwrap().is_none() {
            return Some(child);
        }
        toll.acknowledged.push(ground::told(child).expect("`belay run --queue` failed"));
    }
    let waiting = toll.acknowledged.len().saturating_sub(ground.done());
    (waiting < BACKLOG).then(|| ground.queue())
}

/// `kill -9`, and then a look at what the process had started.
fn strike(worker: &mut Child, outlived: &mut Duration) {
    let groups = processes::children(worker.id());
    worker.kill().unwrap();
    worker.wait().unwrap();
    let began = Instant::now();
    while processes::any_of_groups(&groups) {
        // A slow step sleeps for longer than this.
        assert!(began.elapsed() < ground::PATIENCE, "an orphan of groups {groups:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
    *outlived = began.elapsed().max(*outlived);
}

/// Lets two workers do what is left.
fn drain(ground: &Ground) {
    for _ in 0..3 {
        let workers = [(); 2].map(|()| ground.belay(&["work", "--drain"]).spawn().unwrap());
        for mut worker in workers {
            assert!(worker.wait().unwrap().success(), "{}", ground.log());
        }
    }
}

fn log(path: &Path) -> Stdio {
    std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap().into()
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
