// The page that the browser tests drive through the developer tools. Every call returns plain JSON:
// { ok: true, value } or { ok: false, status, error }.

import { allow, reached } from './peer.js';
import { Ear } from './ear.js';
import { Echo } from './echo.js';
import { bytesReceived, bytesSent, received } from './tap.js';
import { JsSIPPhone } from './jssip.js';
import { SIPjsPhone } from './sipjs.js';
import { JSONPhone } from './json.js';

const kinds = { jssip: JsSIPPhone, sipjs: SIPjsPhone, json: JSONPhone };
const phones = {};

// drive runs one method of a phone. Latches are waited for like methods.
async function drive(name, verb, ...args) {
  try {
    const phone = phones[name];
    const member = phone[verb];
    const value = await (typeof member === 'function' ? member.apply(phone, args) : member?.promise ?? member);
    return { ok: true, value: value ?? null };
  } catch (error) {
    return { ok: false, status: error.status ?? 0, error: String(error.message ?? error) };
  }
}

// open makes a phone of a kind and registers it.
function open(name, kind, account) {
  phones[name] = new kinds[kind](account);
  return drive(name, 'register');
}

// breakFingerprint makes every offer and answer of a phone name another certificate than the one it uses. JsSIP only: it lets the SDP
// be changed after the browser has taken it.
function breakFingerprint(name) {
  phones[name].mangle = (sdp) => sdp.replace(/(a=fingerprint:sha-256 )(..)/g, (_, head, byte) => head + (byte === '00' ? '01' : '00'));
}

// hear listens to a media element of a page that is not ours.
async function hear(selector, frequency, limit) {
  const ear = new Ear(document.querySelector(selector).srcObject);
  const value = await ear.until(frequency, (h) => h.rms > 0.005 && h.share > 0.8, limit);
  ear.close();
  return { ok: true, value };
}

// chirp makes calls from now on say chirps, and measures how long they take to a phone that echoes and back.
let echo;
function chirp() {
  echo = new Echo();
  echo.speak();
}

async function roundTrips(name, count) {
  return { ok: true, value: await echo.measure(phones[name].pc, count) };
}

// connected tells how long ICE and DTLS took from the answer of the newest call, in ms; negative is never.
function connected() {
  const at = reached('connection', 'connected');
  return at ? at - received(/^SIP\/2\.0 200 [^]*\r\nCSeq: \d+ INVITE\r\n/i) : -1;
}

window.tests = { open, hear, drive, breakFingerprint, bytesReceived, bytesSent, allow, chirp, roundTrips, connected };
