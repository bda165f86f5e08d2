/** A second front door of this room, for what has to be there before the rest of it is loaded: certificates, and the port. */
export { Door } from './http/door.ts';
export { openPki, type Pki } from './pki/pki.ts';
export type { Issued } from './pki/x509.ts';
