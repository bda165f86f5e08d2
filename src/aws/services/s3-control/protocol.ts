import { restXml } from '../../protocol/rest-xml.ts';
import type { Protocol } from '../../protocol/types.ts';

/** REST with XML, but for errors, which have one more element around them. */
export const controlXml: Protocol = {
  ...restXml,
  encodeError(error, contract, requestId) {
    const answer = restXml.encodeError(error, contract, requestId);
    if (typeof answer.body !== 'string') return answer;
    const [, inner = ''] = /(<Error>.*<\/Error>)/s.exec(answer.body) ?? [];
    return { ...answer, body: `<?xml version="1.0" encoding="UTF-8"?>\n<ErrorResponse>${inner}<RequestId>${requestId}</RequestId></ErrorResponse>` };
  },
};
