// Everything that goes over a WebSocket of the page is kept, each way, so that a test can search every byte the gateway let through.

const received = [];
const sent = [];

class TappedWebSocket extends WebSocket {
  constructor(...args) {
    super(...args);
    this.addEventListener('message', (event) => {
      if (typeof event.data === 'string') {
        received.push(event.data);
      } else if (event.data instanceof Blob) {
        event.data.text().then((text) => received.push(text));
      } else {
        received.push(new TextDecoder().decode(event.data));
      }
    });
  }

  send(data) {
    sent.push(String(data));
    super.send(data);
  }
}

window.WebSocket = TappedWebSocket;

export function bytesSent() {
  return sent.join('\n');
}

export function bytesReceived() {
  return received.join('\n');
}
