// The only script of a frame on another site: its numbers move, and its badge is asked for when a sale opens or ends.
import { startLive } from "./live.js";

startLive(document.querySelector("[data-live]"));
