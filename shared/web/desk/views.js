// The views of the page, in the order of its navigation; each is a component that is given the address's parameters.
import { DeskView } from "./views/desk.jsx";

export const VIEWS = [
  { name: "desk", title: "Desk", View: DeskView },
];
