import type * as Iam from '@aws-sdk/client-iam';
import type { AwsTag } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { defineAction, type AnyAction, type Conditions } from '../../gateway/service.ts';
import { mergeTags, paginate, readTags, requestTags, resourceTags, writeTags } from './support.ts';

/** A sort of things that carry tags. `id` is what calls name one with. */
interface Tagged {
  /** As it stands in the names of the actions: `Role` for TagRole, UntagRole and ListRoleTags. */
  readonly name: string;
  /** The member of the input that names one. */
  readonly key: string;
  resource(call: Call, id: string): string;
  find(call: Call, id: string): { readonly tags: readonly AwsTag[] } | undefined;
  /** Changes the tags of one. Throws AwsError (NoSuchEntity). */
  retag(call: Call, id: string, next: (tags: AwsTag[]) => AwsTag[]): Promise<unknown>;
  /** Throws AwsError (NoSuchEntity). */
  get(call: Call, id: string): { readonly tags: readonly AwsTag[] };
}
type Input = Readonly<Record<string, unknown>> & Pick<Iam.TagRoleRequest, 'Tags'> & Pick<Iam.UntagRoleRequest, 'TagKeys'>;
type Paged = Pick<Iam.ListRoleTagsRequest, 'Marker' | 'MaxItems'>;

/** The three actions on the tags of one sort of things. */
export function tagActions({ name, key, resource, find, retag, get }: Tagged): Record<string, AnyAction> {
  const id = (input: Input): string => (typeof input[key] === 'string' ? input[key] : '');
  const resources = (input: Input, call: Call): string[] => [resource(call, id(input))];
  const own = (input: Input, call: Call): Conditions => resourceTags(find(call, id(input))?.tags);
  return {
    [`Tag${name}`]: defineAction<Input, void>({
      resources,
      conditions: (input, call) => ({ ...own(input, call), ...requestTags(input.Tags) }),
      async handle(input, call) {
        const added = readTags(input.Tags);
        await retag(call, id(input), (tags) => mergeTags(tags, added));
      },
    }),
    [`Untag${name}`]: defineAction<Input, void>({
      resources,
      conditions: (input, call) => ({ ...own(input, call), 'aws:TagKeys': input.TagKeys }),
      async handle(input, call) {
        const gone = new Set((input.TagKeys ?? []).map((one) => one.toLowerCase()));
        await retag(call, id(input), (tags) => tags.filter((one) => !gone.has(one.key.toLowerCase())));
      },
    }),
    [`List${name}Tags`]: defineAction<Input & Paged, unknown>({
      resources,
      conditions: own,
      handle(input, call) {
        const { page, ...rest } = paginate(writeTags(get(call, id(input)).tags), input);
        return { Tags: page, ...rest };
      },
    }),
  };
}
