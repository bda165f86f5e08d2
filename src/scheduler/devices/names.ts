/** `domain/name` of an attribute or a capacity; a name alone is of the driver's domain. */
export function qualified(driver: string, name: string): [domain: string, own: string] {
  const slash = name.indexOf('/');
  return slash < 0 ? [driver, name] : [name.slice(0, slash), name.slice(slash + 1)];
}
