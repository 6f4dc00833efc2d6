// The only script of a page: hands each marked element to its module. Pages work without it.
import { startAsking } from "./ask.js";
import { startAttention } from "./attention.js";
import { startLeaving } from "./gate_leave.js";
import { startCopying } from "./copy.js";
import { startCountdowns } from "./countdown.js";
import { startKeys } from "./key.js";
import { say, startLive } from "./live.js";
import { startNotify } from "./notify.js";
import { startPass } from "./pass.js";
import { startSharing } from "./share.js";
import { startProgress } from "./progress.js";
import { startPush } from "./push.js";
import { startSocketTests } from "./socket_test.js";
import { startUploads } from "./uploads.js";
import { startWatching } from "./watch.js";
import { setServerNow } from "./clock.js";

const stamp = document.querySelector('meta[name="server-now"]');
if (stamp) setServerNow(stamp.content);
startLive(document.querySelector("[data-live]")); // first: it remembers the page as it was served
startAsking(say);
startNotify();
startPush(document.querySelector("[data-push]"));
startPass(document.querySelector("[data-door]"));
startCountdowns();
startAttention(); // after the clocks: it reads what they show
startSocketTests(document.querySelectorAll("[data-socket]"));
startLeaving();
startWatching(document.querySelector("[data-watch]"));
startUploads(document.querySelectorAll("[data-most-bytes]"));
startProgress();
startKeys();
startCopying();
startSharing();
