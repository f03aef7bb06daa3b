// What every part of the page may ask for: the client, and config.json.
import { createContext } from "preact";

export const PageContext = createContext(null);
