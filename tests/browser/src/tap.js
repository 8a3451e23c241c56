// Everything that goes over a WebSocket of the page is kept, each way, so that a test can search every byte the gateway let through.

const incoming = [];
const times = []; // of incoming, on the page's clock
const sent = [];

class TappedWebSocket extends WebSocket {
  constructor(...args) {
    super(...args);
    this.addEventListener('message', async (event) => {
      const at = performance.now();
      incoming.push(await text(event.data));
      times.push(at);
    });
  }

  send(data) {
    sent.push(String(data));
    super.send(data);
  }
}

async function text(data) {
  if (typeof data === 'string') return data;
  return data instanceof Blob ? data.text() : new TextDecoder().decode(data);
}

window.WebSocket = TappedWebSocket;

export function bytesSent() {
  return sent.join('\n');
}

export function bytesReceived() {
  return incoming.join('\n');
}

// received tells when the newest message like this came, on the page's clock in ms.
export function received(like) {
  return times[incoming.findLastIndex((m) => like.test(m))];
}
