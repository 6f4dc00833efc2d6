// The only script of a page: hands each marked element to its module. Pages work without it.
import { startCountdowns } from "./countdown.js";
import { startLive } from "./live.js";
import { startSocketTests } from "./socket_test.js";
import { setServerNow } from "./clock.js";

const stamp = document.querySelector('meta[name="server-now"]');
if (stamp) setServerNow(stamp.content);
startLive(document.querySelector("[data-live]")); // first: it remembers the page as it was served
startCountdowns();
startSocketTests(document.querySelectorAll("[data-socket]"));
