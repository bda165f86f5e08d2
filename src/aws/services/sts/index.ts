import { defineService, type Service } from '../../gateway/service.ts';
import { GetCallerIdentity } from './get-caller-identity.ts';

export const service: Service = defineService({ contract: 'sts', kinds: [], actions: { GetCallerIdentity } });
