//! Process managers that fail at first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use protean::message::Category;
use protean::port::{Clock, Counter, GroupStatus, SystemClock};
use protean::prelude::*;
use protean::{
    aggregate, aggregate_impl, command, command_handler, event, process_manager,
    process_manager_impl, timer,
};
use protean_engine::{Server, verify};

use crate::harness::{Harness, On, WAIT_LIMIT};
use crate::weather::JumpyClock;

#[event(part_of = Job)]
pub(crate) struct Posted {
    job: Id,
    /// So often the process fails to begin.
    fails: u64,
}

#[event(part_of = Job)]
pub(crate) struct Signed {
    job: Id,
}

#[command(part_of = Job)]
pub(crate) struct Post {
    #[field(identifier)]
    job: Id,
    fails: u64,
}

#[command(part_of = Job)]
pub(crate) struct Sign {
    #[field(identifier)]
    job: Id,
}

#[command(part_of = Job)]
pub(crate) struct Do {
    #[field(identifier)]
    job: Id,
    step: u32,
}

#[aggregate(commands(Post, Sign, Do))]
pub(crate) struct Job {
    root: Root<Job>,
    done: Vec<u32>,
}

#[aggregate_impl]
impl Job {}

pub(crate) struct Jobs;

#[command_handler(part_of = Job)]
impl Jobs {
    #[handle]
    async fn post(&self, command: Post, ctx: &Context) -> Handled {
        let Post { job, fails } = command;
        let mut posted = Job { root: Root::with_id(job.clone()), done: Vec::new() };
        posted.raise(Posted { job, fails })?;
        Ok(ctx.repository::<Job>().add(posted).await?)
    }

    #[handle]
    async fn sign(&self, command: Sign, ctx: &Context) -> Handled {
        let mut job = ctx.repository::<Job>().get(&command.job).await?;
        job.raise(Signed { job: command.job })?;
        Ok(ctx.repository::<Job>().add(job).await?)
    }

    #[handle]
    async fn work(&self, command: Do, ctx: &Context) -> Handled {
        let mut job = ctx.repository::<Job>().get(&command.job).await?;
        job.done.push(command.step);
        Ok(ctx.repository::<Job>().add(job).await?)
    }
}

#[process_manager]
pub(crate) struct Crew {
    root: Root<Crew>,
    taken: Vec<String>,
}

#[timer(part_of = Crew)]
pub(crate) struct Break {}

/// The step that follows from the timer.
const AFTER_BREAK: u32 = 99;

/// The ids of the commands that each attempt to begin a process has issued, by job.
static ATTEMPTS: Mutex<Option<HashMap<String, Vec<Vec<Id>>>>> = Mutex::new(None);

fn attempts(job: &str) -> Vec<Vec<Id>> {
    let attempts = ATTEMPTS.lock().unwrap_or_else(PoisonError::into_inner);
    attempts.as_ref().and_then(|of| of.get(job).cloned()).unwrap_or_default()
}

#[process_manager_impl]
impl Crew {
    #[on(start, by = job)]
    async fn posted(&mut self, event: Posted, ctx: &Context) -> Handled {
        self.taken.push("posted".to_owned());
        self.remind(Break {}, Duration::from_millis(50))?;
        let steps = (0..3).map(|step| ctx.process(Do { job: self.id(), step }));
        let issued = steps.collect::<Result<Vec<Id>>>()?;
        let mut attempts = ATTEMPTS.lock().unwrap_or_else(PoisonError::into_inner);
        let attempts = attempts.get_or_insert_default().entry(event.job.to_string()).or_default();
        attempts.push(issued);
        if attempts.len() as u64 <= event.fails {
            return Err(Error::failed("nobody is here yet").into());
        }
        Ok(())
    }

    #[on(by = job)]
    async fn signed(&mut self, _event: Signed) -> Handled {
        self.taken.push("signed".to_owned());
        Ok(())
    }

    #[on(timer)]
    async fn rested(&mut self, _timer: Break, ctx: &Context) -> Handled {
        self.taken.push("rested".to_owned());
        ctx.process(Do { job: self.id(), step: AFTER_BREAK })?;
        Ok(())
    }
}

fn site(config: &str, clock: impl Clock + 'static) -> Domain {
    let site = protean::domain("site").config(config).aggregate::<Job>().register(Jobs);
    site.register(Crew::manager()).clock(clock).build().unwrap()
}

async fn post(site: &Domain, job: &str, fails: u64) {
    let command = Post { job: job.into(), fails };
    site.process(command).synchronous().await.unwrap();
}

async fn sign(site: &Domain, job: &str) {
    site.process(Sign { job: job.into() }).synchronous().await.unwrap();
}

async fn taken(site: &Domain, job: &str) -> Vec<String> {
    let crews = site.repository::<Crew>().await.unwrap();
    crews.find(&job.into()).await.unwrap().map(|crew| crew.taken).unwrap_or_default()
}

async fn done(site: &Domain, job: &str) -> Vec<u32> {
    site.repository::<Job>().await.unwrap().get(&job.into()).await.unwrap().done
}

async fn crew(site: &Domain) -> GroupStatus {
    let group = site.groups().iter().find(|group| group.handler == "Crew").unwrap();
    site.store().await.unwrap().group_status(&group.name, &group.category).await.unwrap()
}

async fn serve_until(site: &Domain, done: impl AsyncFn() -> bool) {
    let serving = Server::new(site.clone()).run(async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    tokio::time::timeout(WAIT_LIMIT, serving).await.unwrap().unwrap();
}

crate::on! {
    Memory in memory, Sqlite in sqlite, Streams in streams, Production in production: {
        what_fails_at_first_has_each_of_its_effects_once
        a_start_that_waits_for_its_retry_holds_back_its_process_and_no_other
    }
}

async fn what_fails_at_first_has_each_of_its_effects_once(on: On) {
    let harness = Harness::new(on);
    let site = site(harness.settings(), SystemClock);
    let job = format!("twice-{on:?}");
    post(&site, &job, 2).await;
    serve_until(&site, async || done(&site, &job).await.len() == 4).await;
    assert_eq!(taken(&site, &job).await, ["posted", "rested"]);
    let mut steps = done(&site, &job).await;
    steps.sort_unstable();
    assert_eq!(steps, [0, 1, 2, AFTER_BREAK]);
    let attempts = attempts(&job);
    assert_eq!(attempts.len(), 3);
    let ids = &attempts[2];
    assert!(attempts.iter().all(|attempt| attempt == ids), "the same ids each time: {attempts:?}");
    let commands = Category::named("site::job:command").stream(&job.as_str().into());
    let logged = site.store().await.unwrap().stream(&commands, 0, 99).await.unwrap();
    let logged: Vec<Id> = logged.iter().map(|of| Id::from(&*of.message.id)).collect();
    // First the `Post`, at the end what follows from the timer.
    assert_eq!(logged[1..4], ids[..], "and those of the commands in the log");
    assert_eq!(logged.len(), 5);
    let report = verify(&site).await.unwrap();
    assert!(report.closes, "{report:?}");
}

async fn a_start_that_waits_for_its_retry_holds_back_its_process_and_no_other(on: On) {
    let patient =
        |base: String| base.replace("retry_delay_seconds = 0.02", "retry_delay_seconds = 3600");
    let harness = Harness::rewritten(on, patient, |builder| builder);
    let clock = JumpyClock::new();
    let site = site(harness.settings(), clock.clone());
    let (held, other) = (format!("held-{on:?}"), format!("other-{on:?}"));
    post(&site, &held, 1).await;
    sign(&site, &held).await;
    post(&site, &other, 0).await;
    sign(&site, &other).await;
    serve_until(&site, async || {
        taken(&site, &other).await.len() == 3 && crew(&site).await.parked() == 2
    })
    .await;
    assert_eq!((attempts(&held).len(), taken(&site, &held).await), (1, Vec::new()));
    assert_eq!(crew(&site).await.count(Counter::Ignored), 0, "what is signed waits");
    clock.jump(7200);
    serve_until(&site, async || taken(&site, &held).await.len() == 3).await;
    assert_eq!(taken(&site, &held).await[..2], ["posted", "signed"]);
    assert_eq!(crew(&site).await.count(Counter::Ignored), 0);
}
