//! What the domain accepts and rejects.

use protean::Id;
use protean_testing::{TestDomain, given};
use {crate}::task::{AddTask, FinishTask, Task, TaskAdded, TaskDone};

fn added(task_id: Id) -> TaskAdded {
    TaskAdded { task_id, title: "write a test".to_owned() }
}

#[test]
fn a_task_is_done_once() {
    let id = || Id::from("7");
    given::<Task>("7", [added(id())])
        .when(|task| task.finish())
        .then([TaskDone { task_id: id() }])
        .then_state(|task| assert!(task.done));
    given::<Task>("7", (added(id()), TaskDone { task_id: id() }))
        .when(|task| task.finish())
        .then_rejected("done");
}

#[test]
fn a_task_is_added_and_finished() {
    let domain = TestDomain::new({crate}::domain());
    let add = AddTask { title: "write a test".to_owned() };
    // The command takes the first identity, the task the second.
    let task_id = domain.when(add).then([added(Id::numbered(2))]).answer();
    domain.when(FinishTask { task_id: task_id.clone() }).then([TaskDone { task_id }]);
}
