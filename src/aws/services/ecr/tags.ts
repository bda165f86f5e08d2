import type { EcrTag } from '#kinds';
import { AwsError } from '../../gateway/errors.ts';
import type { Conditions } from '../../gateway/service.ts';

interface Given {
  readonly Key: string | undefined;
  readonly Value: string | undefined;
}
const invalid = (message: string): AwsError => new AwsError('InvalidTagParameterException', message);

/** At most 50 tags, each key once, none of AWS's own. */
export function checkTags(tags: readonly Given[]): EcrTag[] {
  const checked = tags.map(({ Key = '', Value = '' }) => ({ Key, Value }));
  for (const { Key, Value } of checked) {
    if (Key === '' || Key.length > 128 || Value.length > 256) throw invalid('Tag keys have 1 to 128 characters, tag values at most 256');
    if (/^aws:/i.test(Key)) throw invalid(`Tag keys must not begin with 'aws:': ${Key}`);
  }
  if (new Set(checked.map((tag) => tag.Key)).size < checked.length) throw invalid('Tag keys must be unique');
  if (checked.length > 50) throw new AwsError('TooManyTagsException', 'A resource has at most 50 tags');
  return checked;
}

export const tagConditions = (tags: readonly Given[] | undefined): Conditions => ({
  ...Object.fromEntries((tags ?? []).map(({ Key, Value }) => [`aws:RequestTag/${Key ?? ''}`, Value ?? ''])),
  'aws:TagKeys': tags?.length ? tags.map((tag) => tag.Key ?? '') : undefined,
});
