// words.js: what went wrong, said so that it helps.

const byCode = {
  'password': 'User name or password is not right.',
  'blocked': 'Too many attempts. Wait a minute, then try again.',
  'gateway': 'The gateway cannot be reached. Is it running, and are you online?',
  'version': 'This page is older than the gateway. Reload it.',
  'insecure': 'The browser opens the microphone on HTTPS or localhost only.',
  'microphone-denied': 'The microphone is blocked. Allow it in the address bar, then call again.',
  'microphone-missing': 'No microphone found. Plug one in, then call again.',
  'microphone-busy': 'Another program is using the microphone.',
  'media': 'The audio path broke. Check the network or firewall.',
};

const byStatus = {
  400: 'The gateway did not understand the request.',
  401: 'User name or password is not right.',
  403: 'This call is not allowed.',
  404: 'This number does not exist.',
  408: 'No answer.',
  410: 'This number is no longer in use.',
  480: 'Not available right now.',
  481: 'The call is already over.',
  484: 'The number is incomplete.',
  486: 'Busy.',
  487: 'Cancelled.',
  488: 'The two sides found no common audio format.',
  500: 'The gateway had a problem.',
  502: 'The other network had a problem.',
  503: 'All lines are busy or the gateway is closing. Try again shortly.',
  504: 'The other network does not answer.',
  600: 'Busy.',
  603: 'Declined.',
};

/** explain turns a DrawbridgeError into one sentence; '' for a normal end. */
export function explain(error) {
  if (!error) return '';
  if (error.code === 'refused') {
    return byStatus[error.status] ?? (error.status >= 500 ? 'The call failed on the way.' : `The call was refused${error.status ? ` (${error.status})` : ''}.`);
  }
  return byCode[error.code] ?? error.message;
}
