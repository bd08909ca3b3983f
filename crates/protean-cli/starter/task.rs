//! The aggregate `Task`.

use protean::prelude::{Context, Id, Result, Root};
use protean::{aggregate, aggregate_impl, command, command_handler, ensure, event};

/// A task was added.
#[event(part_of = Task)]
pub struct TaskAdded {
    pub task_id: Id,
    pub title: String,
}

/// A task was finished.
#[event(part_of = Task)]
pub struct TaskDone {
    pub task_id: Id,
}

/// Adds a task; returns its identity.
#[command(part_of = Task, returns = Id)]
pub struct AddTask {
    #[field(max_length = 100)]
    pub title: String,
}

/// Finishes a task.
#[command(part_of = Task)]
pub struct FinishTask {
    #[field(identifier)]
    pub task_id: Id,
}

/// Something to do, and whether it is done.
#[aggregate(event_sourced, commands(AddTask, FinishTask))]
pub struct Task {
    root: Root<Task>,
    #[field(max_length = 100)]
    pub title: String,
    #[field(default = false)]
    pub done: bool,
}

#[aggregate_impl]
impl Task {
    pub fn add(title: String) -> Result<Self> {
        let mut task = Self::create();
        task.raise(TaskAdded { task_id: task.id(), title })?;
        Ok(task)
    }

    pub fn finish(&mut self) -> Result {
        ensure!(!self.done, "done" => "'{}' is already done", self.title);
        self.raise(TaskDone { task_id: self.id() })
    }

    #[apply]
    fn on_added(&mut self, event: &TaskAdded) {
        self.title.clone_from(&event.title);
    }

    #[apply]
    fn on_done(&mut self, _event: &TaskDone) {
        self.done = true;
    }
}

/// Handles the commands of tasks.
pub struct TaskCommandHandler;

#[command_handler(part_of = Task)]
impl TaskCommandHandler {
    #[handle]
    async fn add(&self, command: AddTask, ctx: &Context) -> Result<Id> {
        let task = Task::add(command.title)?;
        let id = task.id();
        ctx.repository::<Task>().add(task).await?;
        Ok(id)
    }

    #[handle]
    async fn finish(&self, command: FinishTask, ctx: &Context) -> Result {
        let tasks = ctx.repository::<Task>();
        let mut task = tasks.get(&command.task_id).await?;
        task.finish()?;
        tasks.add(task).await
    }
}
