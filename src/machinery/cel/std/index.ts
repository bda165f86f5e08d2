/** The standard library of CEL. A function is one line in its file. */
import { arithmetic } from './arithmetic.ts';
import { conversions } from './conversions.ts';
import { optionals } from './optionals.ts';
import { relations } from './relations.ts';
import { strings } from './strings.ts';
import { times } from './times.ts';

export const standard = [...arithmetic, ...relations, ...conversions, ...strings, ...times, ...optionals];
