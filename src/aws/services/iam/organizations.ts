import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';

/** An account of this instance is in no organization: what manages its root users from above says so, as AWS does. */
const noOrganization = defineAction<object, never>({
  handle() {
    throw new AwsError('OrganizationNotFoundException', 'The request was rejected because no organization is associated with your account.');
  },
});
export const organizationsActions = {
  EnableOrganizationsRootCredentialsManagement: noOrganization,
  EnableOrganizationsRootSessions: noOrganization,
  DisableOrganizationsRootCredentialsManagement: noOrganization,
  DisableOrganizationsRootSessions: noOrganization,
  ListOrganizationsFeatures: noOrganization,
};
