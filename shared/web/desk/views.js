// The views of the page, in the order of its navigation; each is a component that takes the address's parameters.
import { DeskView } from "./views/desk.jsx";
import { InstrumentView } from "./views/instrument.jsx";
import { OrdersView } from "./views/orders.jsx";

export const VIEWS = [
  { name: "desk", title: "Desk", View: DeskView },
  { name: "instrument", title: "Instrument", View: InstrumentView },
  { name: "orders", title: "Orders", View: OrdersView },
];
