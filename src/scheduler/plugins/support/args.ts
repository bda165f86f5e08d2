/** The arguments of a plugin, as its part of pluginConfig gives them. */
export type Args = { readonly [name: string]: unknown };

/** Throws with a text for the user when there is anything that the plugin does not know. */
export function checkArgs(given: unknown, known: readonly string[]): Args {
  if (given === undefined || given === null) return {};
  if (typeof given !== 'object' || Array.isArray(given)) throw new Error('args: must be an object');
  for (const name of Object.keys(given)) {
    if (name !== 'apiVersion' && name !== 'kind' && !known.includes(name)) throw new Error(`args: unknown field "${name}"`);
  }
  return given as Args;
}
/** Undefined when it is not given. Throws when it is not a whole number of that range. */
export function wholeNumber(args: Args, name: string, least: number, most: number): number | undefined {
  const value = args[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw new Error(`args.${name}: Invalid value: ${JSON.stringify(value)}: not in valid range [${least}-${most}]`);
  return value;
}
/** Throws when it is neither absent nor one of the choices. */
export function choice<T extends string>(args: Args, name: string, choices: readonly T[]): T | undefined {
  const value = args[name];
  if (value === undefined || value === null) return undefined;
  if (!choices.includes(value as T))
    throw new Error(`args.${name}: Unsupported value: ${JSON.stringify(value)}: supported values: ${choices.map((c) => `"${c}"`).join(', ')}`);
  return value as T;
}
export function list(args: Args, name: string): readonly Args[] | undefined {
  const value = args[name];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'object' || item === null)) throw new Error(`args.${name}: must be a list of objects`);
  return value as Args[];
}
