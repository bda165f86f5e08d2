import type { ListTagsForResourceRequest, ListTagsForResourceResponse, TagResourceRequest, UntagResourceRequest } from '@aws-sdk/client-ecr';
import { defineAction, type Action } from '../../../gateway/service.ts';
import type { Place } from '../../../state/table.ts';
import type { Ecr, Given } from '../ecr.ts';
import { invalidParameter } from '../errors.ts';
import { checkTags, tagConditions } from '../tags.ts';

function target(arn: string): { place: Place; name: string } {
  const match = /^arn:aws[a-z-]*:ecr:([a-z0-9-]+):(\d{12}):repository\/(.+)$/.exec(arn);
  if (!match) throw invalidParameter('resourceArn', 'Invalid ARN');
  return { place: { region: match[1] as string, account: match[2] as string }, name: match[3] as string };
}
function tagAction<I extends { resourceArn: string | undefined }, O>(
  ecr: Ecr,
  handle: (input: Given<I>, place: Place, name: string) => O | Promise<O>,
  more: Pick<Action<Given<I>, O>, 'conditions'> = {},
) {
  return defineAction<Given<I>, O>({
    resources: ({ resourceArn }) => [resourceArn as string],
    resourcePolicy: ({ resourceArn }) => {
      const { place, name } = target(resourceArn as string);
      return ecr.policyOf(place, name);
    },
    handle: (input) => {
      const { place, name } = target(input.resourceArn as string);
      return handle(input, place, name);
    },
    ...more,
  });
}

export const listTagsForResource = (ecr: Ecr) =>
  tagAction<ListTagsForResourceRequest, ListTagsForResourceResponse>(ecr, (_input, place, name) => ({ tags: [...ecr.repository(place, name).tags] }));
export const tagResource = (ecr: Ecr) =>
  tagAction<TagResourceRequest, object>(
    ecr,
    async (input, place, name) => {
      const given = checkTags(input.tags);
      await ecr.change(place, name, (current) => ({
        ...current,
        tags: checkTags([...current.tags.filter((tag) => !given.some((one) => one.Key === tag.Key)), ...given]),
      }));
      return {};
    },
    { conditions: (input) => tagConditions(input.tags) },
  );
export const untagResource = (ecr: Ecr) =>
  tagAction<UntagResourceRequest, object>(
    ecr,
    async (input, place, name) => {
      await ecr.change(place, name, (current) => ({ ...current, tags: current.tags.filter((tag) => !input.tagKeys.includes(tag.Key)) }));
      return {};
    },
    { conditions: (input) => ({ 'aws:TagKeys': input.tagKeys }) },
  );
