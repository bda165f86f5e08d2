import { dnsLabelProblems, dnsSubdomainProblems } from '../names.ts';
import { parseCidr, parseIp } from '../ip.ts';

/**
 * The formats that a schema may ask of a string (the registry of kube-openapi's strfmt that apiextensions
 * supports). Formats that are not here are ignored, as the real server does.
 */
export const formats: { readonly [format: string]: ((text: string) => boolean) | undefined } = {
  'date-time': isDateTime,
  datetime: isDateTime,
  date: isDate,
  duration: isDuration,
  uri: isUri,
  email: (text) => /^(?:"[^"\\]+"|[^\s@<>(),:;\\"[\]]+)@[^\s@<>(),:;\\"]+$/.test(text),
  hostname: isHostname,
  ipv4: (text) => parseIp(text)?.family === 4,
  ipv6: (text) => parseIp(text)?.family === 6,
  cidr: (text) => parseCidr(text) !== undefined,
  mac: (text) => /^([0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\2){4}(?:[0-9a-fA-F]{2}\2){0,2}[0-9a-fA-F]{2}|[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4}){2,3})$/.test(text),
  uuid: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
  uuid3: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
  uuid4: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i.test(text),
  uuid5: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i.test(text),
  bsonobjectid: (text) => /^[0-9a-f]{24}$/i.test(text),
  byte: (text) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/.test(text),
  password: () => true,
  hexcolor: (text) => /^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/.test(text),
  rgbcolor: isRgbColor,
  ssn: (text) => /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  creditcard: (text) => isCreditCard(text.replace(/\D+/g, '')),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  'k8s-short-name': (text) => dnsLabelProblems(text).length === 0,
  'k8s-long-name': (text) => dnsSubdomainProblems(text).length === 0,
};

const daysIn = (year: number, month: number): number =>
  month === 2 && (year % 4 !== 0 || (year % 100 === 0 && year % 400 !== 0)) ? 28 : [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]!;

function isDate(text: string): boolean {
  const match = /^(\d{4})-(0[1-9]|1[0-2])-(\d{2})$/.exec(text);
  if (!match) return false;
  const day = Number(match[3]);
  return day >= 1 && day <= daysIn(Number(match[1]), Number(match[2]));
}

function isDateTime(text: string): boolean {
  const match = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[zZ]|[+-]\d{2}:\d{2})$/.exec(text);
  return match !== null && isDate(match[1]!) && Number(match[2]) < 24 && Number(match[3]) < 60 && Number(match[4]) < 60;
}

const goDuration = /^[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/;
/** Go's durations and plain ones such as `3 days` and `2w 1h`. */
function isDuration(text: string): boolean {
  return goDuration.test(text) || /^(\s*\d+\s*(ns|nanos?|us|µs|micros?|ms|millis?|s|secs?|m|mins?|h|hrs?|hours?|d|days?|w|wks?|weeks?))+\s*$/i.test(text);
}

/** What Go's url.ParseRequestURI takes: an absolute URI or an absolute path. */
function isUri(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what the rule forbids
  if (!/^([a-zA-Z][a-zA-Z0-9+.-]*:|\/|\*$)/.test(text) || /[\x00-\x20\x7f]/.test(text)) return false;
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return false;
  const authority = /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/([^/?#]*)/.exec(text)?.[1];
  if (authority === undefined) return true;
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return /^(\[[0-9a-fA-F:.%a-z]+\]|[^[\]:]*)(:\d*)?$/.test(host);
}

const hostnameRule =
  /^([a-zA-Z0-9\p{S}\p{L}](-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)\.)+[a-zA-Z\p{L}]{2,63})$/u;
function isHostname(text: string): boolean {
  if (text.length > 255 || text.split('.').some((part) => part.length > 63)) return false;
  return hostnameRule.test(text);
}

function isRgbColor(text: string): boolean {
  const match = /^rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/.exec(text);
  return match !== null && match.slice(1).every((part) => Number(part) <= 255);
}

function isCreditCard(digits: string): boolean {
  if (!/^(4\d{12}(\d{3})?|5[1-5]\d{14}|6(011|5\d\d)\d{12}|3[47]\d{13}|3(0[0-5]|[68]\d)\d{11}|(2131|1800|35\d{3})\d{11})$/.test(digits)) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    let digit = Number(digits[digits.length - 1 - i]);
    if (i % 2 === 1) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 === 0;
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  let sum = 0;
  for (let i = 0; i < 10; i++) sum += (i + 1) * (digits[i] === 'X' ? 10 : Number(digits[i]));
  return sum % 11 === 0;
}
function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{13}$/.test(digits)) return false;
  let sum = 0;
  for (let i = 0; i < 12; i++) sum += Number(digits[i]) * (i % 2 === 0 ? 1 : 3);
  return (10 - (sum % 10)) % 10 === Number(digits[12]);
}
