// The only script of a frame on another site: its numbers move. There is nothing to ask for, so it never polls.
import { startLive } from "./live.js";

startLive(document.querySelector("[data-live]"));
