use protean::{
    Id, Root, aggregate, aggregate_impl, command, entity_impl, value_object, value_object_impl,
};

#[value_object]
enum Status {
    Open,
    Closed,
}

#[value_object_impl]
impl Status {
    #[invariant("status" => "must be open")]
    fn is_open(&self) -> bool {
        *self == Self::Open
    }
}

#[aggregate]
struct Door {
    root: Root<Door>,
    status: Status,
}

#[aggregate_impl]
impl Door {}

#[command(part_of = Door)]
struct Shut {
    #[field(identifier)]
    door: Id,
    status: Status,
}

#[entity_impl]
impl Shut {
    #[invariant("status" => "must be closed")]
    fn is_closed(&self) -> bool {
        self.status == Status::Closed
    }
}

fn main() {}
