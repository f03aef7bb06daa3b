// The views of the page, in the order of its navigation; each is a component that takes the address's parameters.
import { DeskView } from "./views/desk.jsx";
import { InstrumentView } from "./views/instrument.jsx";
import { OrdersView } from "./views/orders.jsx";
import { ResearchView } from "./views/research.jsx";
import { RiskView } from "./views/risk.jsx";
import { SystemView } from "./views/system.jsx";

export const VIEWS = [
  { name: "desk", title: "Desk", View: DeskView },
  { name: "instrument", title: "Instrument", View: InstrumentView },
  { name: "orders", title: "Orders", View: OrdersView },
  { name: "risk", title: "Risk", View: RiskView },
  { name: "research", title: "Research", View: ResearchView },
  { name: "system", title: "System", View: SystemView },
];
