// The test page: raw messages of a socket, newest first.
const MOST = 200;

export function startSocketTests(panels) {
  for (const panel of panels) startPanel(panel);
}

function startPanel(panel) {
  const find = (name) => panel.querySelector(`[data-socket-${name}]`);
  const [state, count, toggle, log] = ["state", "count", "toggle", "log"].map(find);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  let socket = null;
  let received = 0;

  const show = (words, open) => {
    state.textContent = words;
    toggle.textContent = open ? "Disconnect" : "Connect";
  };
  const add = (text) => {
    const line = document.createElement("li");
    line.textContent = `${new Date().toLocaleTimeString("en", { hour12: false })} ${text}`;
    log.prepend(line);
    if (log.children.length > MOST) log.lastElementChild.remove();
  };
  const connect = () => {
    socket = new WebSocket(`${scheme}://${location.host}${panel.dataset.socket}`);
    show("Connecting…", true);
    socket.onopen = () => show("Connected", true);
    socket.onmessage = ({ data }) => {
      received += 1;
      count.textContent = received;
      add(data);
    };
    socket.onclose = ({ code, reason }) => {
      socket = null;
      show("Not connected", false);
      add(`closed with ${code} ${reason}`);
    };
  };

  toggle.addEventListener("click", () => (socket ? socket.close() : connect()));
  find("clear").addEventListener("click", () => {
    log.replaceChildren();
    received = 0;
    count.textContent = 0;
  });
  connect();
}
