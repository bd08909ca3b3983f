//! What declares process managers, with an example that runs.

/// Declares a process manager: the state of one business process, which reacts to events of
/// several aggregates and issues commands.
///
/// Every event names its process in a field, `by`. Its events are one stream, in the order in which
/// they were committed, whatever their priorities; what the process issues has the priority of the
/// event that it began with. An event of a process that has not begun is ignored, but only once
/// everything before it is settled. State, commands and progress commit together, once.
///
/// ```
/// use protean::prelude::*;
/// use protean::{process_manager, process_manager_impl};
/// # use protean::{aggregate, aggregate_impl, command, command_handler, event};
/// # #[event(part_of = Order)]
/// # struct OrderPlaced { order_id: Id }
/// # #[event(part_of = Order)]
/// # struct OrderCancelled { order_id: Id }
/// # #[command(part_of = Order)]
/// # struct PlaceOrder { #[field(identifier)] order_id: Id }
/// # #[command(part_of = Order)]
/// # struct CancelOrder { #[field(identifier)] order_id: Id }
/// # #[aggregate(commands(PlaceOrder, CancelOrder))]
/// # struct Order { root: Root<Order> }
/// # #[aggregate_impl]
/// # impl Order {}
/// # struct OrderCommandHandler;
/// # #[command_handler(part_of = Order)]
/// # impl OrderCommandHandler {
/// #     #[handle]
/// #     async fn place(&self, command: PlaceOrder, ctx: &Context) -> Handled {
/// #         let mut order = Order { root: Root::with_id(command.order_id.clone()) };
/// #         order.raise(OrderPlaced { order_id: command.order_id })?;
/// #         Ok(ctx.repository::<Order>().add(order).await?)
/// #     }
/// #     #[handle]
/// #     async fn cancel(&self, command: CancelOrder, ctx: &Context) -> Handled {
/// #         let mut order = ctx.repository::<Order>().get(&command.order_id).await?;
/// #         order.raise(OrderCancelled { order_id: command.order_id })?;
/// #         Ok(ctx.repository::<Order>().add(order).await?)
/// #     }
/// # }
/// # #[event(part_of = Parcel)]
/// # struct ParcelSent { parcel_id: Id, order_id: Id }
/// # #[command(part_of = Parcel)]
/// # struct SendParcel { order_id: Id }
/// # #[command(part_of = Parcel)]
/// # struct CallBack { #[field(identifier)] parcel_id: Id }
/// # #[aggregate(commands(SendParcel, CallBack))]
/// # struct Parcel { root: Root<Parcel>, called_back: bool }
/// # #[aggregate_impl]
/// # impl Parcel {}
/// # struct ParcelCommandHandler;
/// # #[command_handler(part_of = Parcel)]
/// # impl ParcelCommandHandler {
/// #     #[handle]
/// #     async fn send(&self, command: SendParcel, ctx: &Context) -> Handled {
/// #         let root = Root::with_id(Id::derived("parcel", command.order_id.as_str()));
/// #         let mut parcel = Parcel { root, called_back: false };
/// #         parcel.raise(ParcelSent { parcel_id: parcel.id(), order_id: command.order_id })?;
/// #         Ok(ctx.repository::<Parcel>().add(parcel).await?)
/// #     }
/// #     #[handle]
/// #     async fn call_back(&self, command: CallBack, ctx: &Context) -> Handled {
/// #         let mut parcel = ctx.repository::<Parcel>().get(&command.parcel_id).await?;
/// #         parcel.called_back = true;
/// #         Ok(ctx.repository::<Parcel>().add(parcel).await?)
/// #     }
/// # }
///
/// #[process_manager]
/// struct Fulfilment {
///     root: Root<Fulfilment>,
///     parcel: Option<Id>,
/// }
///
/// #[process_manager_impl]
/// impl Fulfilment {
///     #[on(start, by = order_id)]
///     async fn placed(&mut self, event: OrderPlaced, ctx: &Context) -> Handled {
///         ctx.process(SendParcel { order_id: event.order_id })?;
///         Ok(())
///     }
///
///     #[on(by = order_id)]
///     async fn sent(&mut self, event: ParcelSent) -> Handled {
///         self.parcel = Some(event.parcel_id);
///         Ok(())
///     }
///
///     #[on(by = order_id)]
///     async fn cancelled(&mut self, _event: OrderCancelled, ctx: &Context) -> Handled {
///         if let Some(parcel_id) = self.parcel.take() {
///             ctx.process(CallBack { parcel_id })?;
///         }
///         self.complete();
///         Ok(())
///     }
///
///     // The order was cancelled meanwhile.
///     #[on(late, by = order_id)]
///     async fn sent_too_late(&mut self, event: ParcelSent, ctx: &Context) -> Handled {
///         ctx.process(CallBack { parcel_id: event.parcel_id })?;
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let shop = protean::domain("shop")
/// #     .aggregate::<Order>().register(OrderCommandHandler)
/// #     .aggregate::<Parcel>().register(ParcelCommandHandler)
///     .register(Fulfilment::manager())
///     .in_memory()
///     .build()?;
/// shop.process(PlaceOrder { order_id: "7".into() }).synchronous().await?;
/// shop.process(CancelOrder { order_id: "7".into() }).synchronous().await?;
/// let process = shop.repository::<Fulfilment>().await?.get(&"7".into()).await?;
/// assert!(process.is_complete());
/// let parcel = Id::derived("parcel", "7");
/// assert!(shop.repository::<Parcel>().await?.get(&parcel).await?.called_back);
/// # Ok(())
/// # }
/// ```
pub use protean_macros::process_manager;

/// Says how a [process manager](macro@crate::process_manager) takes events, with an example there.
pub use protean_macros::process_manager_impl;

/// Declares a timer of a [process manager](macro@crate::process_manager): an event that a process
/// sets for itself with `remind`.
pub use protean_macros::timer;

pub use protean_core::domain::{Manages, React, ReactLate, RegisterProcess};
