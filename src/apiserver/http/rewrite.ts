/** Links of a proxied answer, so that they lead through the proxy again (apimachinery's proxy Transport). */

/** What decides whether a link is the backend's own. */
export interface ProxyBase {
  /** Path of the proxy subresource, for example /api/v1/namespaces/default/pods/web/proxy. */
  readonly prefix: string;
  /** host:port that was asked. */
  readonly backend: string;
  /** The Host header of the client. */
  readonly host: string;
}

/** A link of the backend as the client must follow it; relative links and those to other hosts stay. */
export function rewriteLink(link: string, { prefix, backend, host }: ProxyBase): string {
  const absolute = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/i.exec(link) ?? /^()\/\/([^/?#]*)(.*)$/.exec(link);
  const linkHost = absolute?.[2] ?? '';
  const rest = absolute ? (absolute[3] ?? '') : link;
  if (linkHost !== '' && linkHost !== backend && linkHost !== host) return link;
  if (!rest.startsWith('/')) return absolute && rest === '' ? `https://${host}${prefix}/` : link;
  const path = rest.startsWith(`${prefix}/`) || rest === prefix ? rest : prefix + rest;
  return absolute ? `https://${host}${path}` : path;
}

/** Tags and the attributes of theirs that hold links. */
const attributes: { readonly [tag: string]: readonly string[] } = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['formaction', 'src', 'usemap'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

export function rewriteHtml(html: string, base: ProxyBase): string {
  return html.replace(/<([a-zA-Z]+)(\s[^<>]*)>/g, (whole, tag: string, rest: string) => {
    const names = attributes[tag.toLowerCase()];
    if (!names) return whole;
    const rewritten = rest.replace(/(\s)([a-zA-Z]+)(\s*=\s*)("[^"]*"|'[^']*')/g, (pair: string, space: string, name: string, equals: string, value: string) =>
      names.includes(name.toLowerCase()) ? `${space}${name}${equals}${value[0]}${rewriteLink(value.slice(1, -1), base)}${value[0]}` : pair,
    );
    return `<${tag}${rewritten}>`;
  });
}
