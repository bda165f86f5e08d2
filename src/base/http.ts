/**
 * node:http, without what an `import` of it costs: a module import reads every export, and the getters of WebSocket
 * and its events load undici (25 ms and 12 MB in each thread that does).
 */
export const http = process.getBuiltinModule('node:http');
