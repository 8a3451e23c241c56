// phone.js: the phone page. It shows what drawbridge.js does and decides nothing else.
//
// Order: elements, sign-in, dialling, a call's life, levels and timer, keypad, recent calls, start.
// ?processing=off opens the microphone without echo cancellation, noise suppression and gain control: for music and measurements.

import { Drawbridge } from '/drawbridge.js';
import { Tones } from '/tones.js';
import { explain } from '/words.js';

const $ = (id) => document.getElementById(id);
const KEYS = [['1', ''], ['2', 'ABC'], ['3', 'DEF'], ['4', 'GHI'], ['5', 'JKL'], ['6', 'MNO'], ['7', 'PQRS'], ['8', 'TUV'], ['9', 'WXYZ'], ['*', ''], ['0', '+'], ['#', '']];
const REMEMBERED = 30; // calls in the list

const tones = new Tones();
let phone = null; // Drawbridge, once signed in
let call = null;  // the one call of this page
let frame = 0;    // of the level meters
let clock = 0;    // of the timer

function show(view) {
  document.body.dataset.view = view;
}

function notice(text) {
  $('notice-text').textContent = text;
  $('notice').hidden = !text;
}

// Sign-in

async function signIn() {
  notice('');
  $('signin-button').disabled = true;
  const next = new Drawbridge({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/signal`,
    user: $('user').value.trim(), password: $('password').value, sink: $('far'), audio: microphone(),
  });
  next.on('state', (state) => lineState(next, state));
  next.on('incoming', incoming);
  next.on('error', (err) => notice(explain(err)));
  try {
    await next.connect();
    phone = next;
    signedIn();
  } catch (err) {
    notice(explain(err));
    $('password').select();
  } finally {
    $('signin-button').disabled = false;
  }
}

function microphone() {
  if (new URLSearchParams(location.search).get('processing') !== 'off') return true;
  return { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
}

function signedIn() {
  localStorage.setItem('drawbridge.user', phone.user);
  if (phone.name) {
    $('gateway').textContent = phone.name;
    document.title = phone.name;
  }
  show('ready');
  $('dial').focus({ preventScroll: true });
}

function signOut() {
  phone?.close();
  phone = null;
  show('signin');
}

function lineState(of, state) {
  const words = { offline: 'Signed out', connecting: 'Connecting…', online: of.user, waiting: 'Reconnecting…' };
  $('line').dataset.state = state;
  $('line-text').textContent = words[state];
  $('call').disabled = state !== 'online' || !$('dial').value.trim();
  if (state === 'offline' && of === phone) signOut();
}

// Dialling

function dialled() {
  const number = $('dial').value.trim();
  $('call').disabled = !number || phone?.state !== 'online';
  $('erase').hidden = !number;
  $('dial').classList.toggle('long', number.length > 13);
  $('hint').textContent = '';
  for (const c of $('numbers').children) {
    const chosen = c.dataset.number === number;
    c.setAttribute('aria-pressed', String(chosen));
    if (chosen) $('hint').textContent = c.dataset.label;
  }
}

function dial(number) {
  $('dial').value = number;
  dialled();
}

function place() {
  const number = $('dial').value.trim();
  if (!number || call || phone?.state !== 'online') return;
  notice('');
  follow(phone.call(number));
  render();
}

function incoming(next) {
  if (call) {
    next.hangup({ status: 486 });
    return;
  }
  notice('');
  follow(next);
  tones.bell();
  render();
}

// A call's life

function follow(next) {
  call = next;
  $('sent').textContent = '';
  keypad(false);
  call.on('state', () => render());
  call.on('stage', () => render());
  call.on('hold', () => render());
  call.on('early', () => tones.quiet());
  call.on('blocked', () => notice('Click anywhere to hear the far side.'));
}

function render() {
  const { state } = call;
  if (state === 'ended') {
    ended();
    return;
  }
  show(state === 'incoming' ? 'incoming' : 'talking');
  for (const el of document.querySelectorAll('[data-peer]')) el.textContent = call.peer || 'Unknown caller';
  for (const el of document.querySelectorAll('.face span')) el.textContent = initials(call.peer);
  $('face').classList.toggle('ring', state === 'calling' || state === 'ringing');
  $('state').textContent = stateText();
  renderStages();
  renderButtons();
  if (state === 'ringing' && call.direction === 'out') ringOnce();
  if (state === 'connecting' || state === 'talking') tones.quiet();
  watch();
}

let ringingFor = null;
function ringOnce() {
  if (ringingFor === call || call.early) return;
  ringingFor = call;
  tones.ringback();
}

function stateText() {
  if (call.held) return 'On hold';
  if (call.heldByFar) return 'The far side put you on hold';
  switch (call.state) {
    case 'calling': return 'Calling…';
    case 'ringing': return 'Ringing…';
    case 'connecting': return call.stages.ice ? 'Securing the audio…' : 'Connecting the audio…';
    case 'talking': return duration(Date.now() - call.answeredAt);
    default: return '';
  }
}

function renderStages() {
  let next = true;
  for (const li of $('stages').children) {
    const ms = call.stages[li.dataset.stage];
    const done = ms !== undefined || (li.dataset.stage === 'ringing' && call.answeredAt > 0);
    li.classList.toggle('done', done);
    li.classList.toggle('next', !done && next);
    if (!done) next = false;
    li.querySelector('i').textContent = ms === undefined ? '' : ms < 10_000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`;
  }
}

function renderButtons() {
  press($('mute'), call.muted, call.muted ? 'i-mic-off' : 'i-mic');
  press($('hold'), call.held, call.held ? 'i-play' : 'i-pause');
  $('hold-text').textContent = call.held ? 'Resume' : 'Hold';
  $('hold').disabled = $('keys').disabled = !call.answeredAt;
}

function press(button, on, icon) {
  button.setAttribute('aria-pressed', String(on));
  button.querySelector('use').setAttribute('href', `#${icon}`);
}

function ended() {
  cancelAnimationFrame(frame);
  clearInterval(clock);
  tones.quiet();
  if (call.answeredAt) tones.goodbye();
  remember(call);
  const why = explain(call.error);
  const missed = call.direction === 'in' && !call.answeredAt && call.endedBy === 'far';
  const elsewhere = call.endedBy === 'elsewhere' ? 'Answered on another device.' : '';
  notice(missed ? `Missed call from ${call.peer || 'an unknown caller'}.` : why || elsewhere);
  call = null;
  ringingFor = null;
  if (!phone || phone.state === 'offline') return;
  show('ready');
  $('dial').focus({ preventScroll: true });
}

async function hold() {
  try {
    $('hold').disabled = true;
    await call.hold(!call.held);
  } catch (err) {
    if (call) notice(explain(err));
  } finally {
    if (call) render();
  }
}

// Levels and timer

function watch() {
  cancelAnimationFrame(frame);
  clearInterval(clock);
  clock = setInterval(() => { $('state').textContent = stateText(); }, 500);
  const shown = { out: 0, in: 0 };
  const draw = () => {
    if (!call) return;
    const levels = call.levels();
    for (const way of ['out', 'in']) {
      shown[way] = Math.max(levels[way], shown[way] - 0.03); // rises at once, falls slowly
      const bar = $(`level-${way}`);
      bar.style.setProperty('--level', shown[way].toFixed(3));
      bar.setAttribute('aria-valuenow', Math.round(shown[way] * 100));
    }
    frame = requestAnimationFrame(draw);
  };
  draw();
}

function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, '0');
  return s < 3600 ? `${two(Math.floor(s / 60))}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

function initials(peer) {
  const letters = peer.match(/[a-z]/gi);
  return letters ? letters[0].toUpperCase() : '#';
}

// Keypad

function buildPad(pad, pressed) {
  for (const [digit, letters] of KEYS) {
    const key = document.createElement('button');
    key.type = 'button';
    key.dataset.digit = digit;
    key.append(digit, Object.assign(document.createElement('small'), { textContent: letters }));
    key.setAttribute('aria-label', digit === '*' ? 'star' : digit === '#' ? 'hash' : digit);
    key.addEventListener('click', () => pressed(digit));
    pad.append(key);
  }
}

// typeDigit puts a digit where the cursor is.
function typeDigit(digit) {
  const field = $('dial');
  field.setRangeText(digit, field.selectionStart, field.selectionEnd, 'end');
  tones.key(digit);
  dialled();
}

function sendDigit(digit) {
  if (!call?.answeredAt) return;
  call.dtmf(digit);
  tones.key(digit);
  $('sent').textContent = ($('sent').textContent + digit).slice(-24);
}

function keypad(open) {
  document.body.classList.toggle('keys', open);
  $('tones').hidden = !open;
  $('keys').setAttribute('aria-pressed', String(open));
  $('keys').setAttribute('aria-expanded', String(open));
}

// Keys of the keyboard are tones during a call.
function keyDown(e) {
  if (!call?.answeredAt || e.ctrlKey || e.metaKey || e.altKey || e.repeat || !/^[0-9*#]$/.test(e.key)) return;
  e.preventDefault();
  if ($('tones').hidden) keypad(true);
  flash($('tone-pad').querySelector(`[data-digit="${CSS.escape(e.key)}"]`));
  sendDigit(e.key);
}

function flash(key) {
  key.classList.add('down');
  setTimeout(() => key.classList.remove('down'), 120);
}

// Recent calls: on this device only

function history() {
  try {
    return JSON.parse(localStorage.getItem('drawbridge.calls')) ?? [];
  } catch {
    return [];
  }
}

function remember(c) {
  const entry = { peer: c.peer, direction: c.direction, at: c.startedAt, ms: c.answeredAt ? c.endedAt - c.answeredAt : 0, why: fate(c), answered: c.answeredAt > 0 };
  localStorage.setItem('drawbridge.calls', JSON.stringify([entry, ...history()].slice(0, REMEMBERED)));
  renderHistory();
}

function fate(c) {
  if (c.endedBy === 'elsewhere') return 'Answered elsewhere';
  if (c.direction === 'in' && !c.answeredAt && !c.error) return c.endedBy === 'far' ? 'Missed' : 'Declined';
  if (c.direction === 'in' && c.error?.status === 487) return 'Missed';
  return explain(c.error) || (c.answeredAt ? '' : 'Cancelled');
}

function renderHistory() {
  const calls = history();
  $('empty').hidden = calls.length > 0;
  $('clear').hidden = calls.length === 0;
  $('history').replaceChildren(...calls.map(historyItem));
}

function historyItem({ peer, direction, at, ms, why, answered }) {
  const li = document.createElement('li');
  li.classList.toggle('failed', !answered);
  const button = Object.assign(document.createElement('button'), { type: 'button' });
  button.setAttribute('aria-label', `Call ${peer} again`);
  const way = Object.assign(document.createElement('span'), { className: 'way' });
  way.innerHTML = `<svg aria-hidden="true"><use href="#i-${direction}"></use></svg>`;
  const what = Object.assign(document.createElement('span'), { className: 'what' });
  what.append(Object.assign(document.createElement('strong'), { textContent: peer || 'Unknown caller' }), Object.assign(document.createElement('span'), { textContent: answered ? duration(ms) : why }));
  const when = Object.assign(document.createElement('time'), { dateTime: new Date(at).toISOString(), textContent: whenText(at) });
  button.append(way, what, when);
  button.addEventListener('click', () => {
    if (call) return;
    dial(peer);
    $('dial').focus({ preventScroll: true });
  });
  li.append(button);
  return li;
}

function whenText(at) {
  const then = new Date(at);
  return then.toDateString() === new Date().toDateString()
    ? then.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    : then.toLocaleDateString([], { day: 'numeric', month: 'short' });
}

// Start

function chip(text, pressed) {
  const b = Object.assign(document.createElement('button'), { type: 'button', className: 'chip', textContent: text });
  b.addEventListener('click', pressed);
  return b;
}

// numberChip offers a number; what it is for is shown once it is chosen.
function numberChip({ number, label }) {
  const b = chip(number, () => dial(number));
  Object.assign(b.dataset, { number, label });
  b.title = label;
  return b;
}

// The gateway tells its demonstration accounts to a page on its own machine only.
async function loadInfo() {
  const { name, demo } = await (await fetch('/phone.json')).json();
  $('gateway').textContent = name;
  document.title = name;
  if (!demo) return;
  const fill = ({ name: user, password }) => {
    $('user').value = user;
    $('password').value = password;
  };
  if (demo.users?.length) {
    if (!$('user').value || demo.users.some((u) => u.name === $('user').value)) fill(demo.users.find((u) => u.name === $('user').value) ?? demo.users[0]);
    $('demo-users').replaceChildren(...demo.users.map((u) => chip(u.name, () => fill(u))));
    $('demo').hidden = false;
    if (!sessionStorage.getItem('drawbridge.left')) signIn(); // nothing to type: the first call is one press away
  }
  if (demo.numbers?.length) {
    $('numbers').replaceChildren(...demo.numbers.map(numberChip));
    dial(demo.numbers[0].number);
  }
}

function listen() {
  $('signin').addEventListener('submit', (e) => { e.preventDefault(); signIn(); });
  $('signout').addEventListener('click', () => { sessionStorage.setItem('drawbridge.left', 'yes'); signOut(); });
  $('dial-form').addEventListener('submit', (e) => { e.preventDefault(); place(); });
  $('dial').addEventListener('input', dialled);
  $('erase').addEventListener('click', () => dial($('dial').value.trim().slice(0, -1)));
  $('answer').addEventListener('click', () => { tones.quiet(); call?.answer(); });
  $('decline').addEventListener('click', () => call?.hangup());
  $('hangup').addEventListener('click', () => call?.hangup());
  $('mute').addEventListener('click', () => call?.mute(!call.muted));
  $('hold').addEventListener('click', hold);
  $('keys').addEventListener('click', () => keypad($('tones').hidden));
  $('clear').addEventListener('click', () => { localStorage.removeItem('drawbridge.calls'); renderHistory(); });
  document.addEventListener('keydown', keyDown);
  document.addEventListener('click', () => { if ($('far').srcObject && $('far').paused) $('far').play().catch(() => {}); });
  addEventListener('pagehide', () => phone?.close());
}

buildPad($('pad'), typeDigit);
buildPad($('tone-pad'), sendDigit);
$('user').value = localStorage.getItem('drawbridge.user') ?? '';
listen();
renderHistory();
loadInfo().catch(() => notice(explain({ code: 'gateway' })));
