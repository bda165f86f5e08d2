import type * as Iam from '@aws-sdk/client-iam';
import type { IamRoleSpec } from '#kinds';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { managedPolicy } from '../../iam/managed/index.ts';
import { newUniqueId } from '../../iam/keys.ts';
import { change, getRole, iamArn, iamId, now, pathArn, place, roles } from './support.ts';
import { roleOf, roleResource, serviceLinkedPath } from './roles.ts';

/** Services that have such a role: its name and the policy of AWS that it holds. */
const linked: Readonly<Record<string, readonly [role: string, policy: string]>> = {
  'ecs.amazonaws.com': ['AWSServiceRoleForECS', 'AmazonECSServiceRolePolicy'],
  'eks.amazonaws.com': ['AWSServiceRoleForAmazonEKS', 'AmazonEKSServiceRolePolicy'],
  'eks-nodegroup.amazonaws.com': ['AWSServiceRoleForAmazonEKSNodegroup', 'AWSServiceRoleForAmazonEKSNodegroup'],
  'eks-fargate.amazonaws.com': ['AWSServiceRoleForAmazonEKSForFargate', 'AmazonEKSForFargateServiceRolePolicy'],
  'elasticloadbalancing.amazonaws.com': ['AWSServiceRoleForElasticLoadBalancing', 'AWSElasticLoadBalancingServiceRolePolicy'],
  'autoscaling.amazonaws.com': ['AWSServiceRoleForAutoScaling', 'AutoScalingServiceRolePolicy'],
  'ecs.application-autoscaling.amazonaws.com': ['AWSServiceRoleForApplicationAutoScaling_ECSService', 'AWSApplicationAutoscalingECSServicePolicy'],
};

export const serviceLinkedRoleActions = {
  CreateServiceLinkedRole: defineAction<Iam.CreateServiceLinkedRoleRequest, Iam.CreateServiceLinkedRoleResponse>({
    resources: ({ AWSServiceName = '' }, call) => [iamArn(call, `role${serviceLinkedPath}${AWSServiceName}/${linked[AWSServiceName]?.[0] ?? '*'}`)],
    conditions: ({ AWSServiceName }) => ({ 'iam:AWSServiceName': AWSServiceName }),
    handle: ({ AWSServiceName = '', Description, CustomSuffix }, call) =>
      change(call, async () => {
        const [name, policy] = linked[AWSServiceName] ?? [];
        if (name === undefined || policy === undefined)
          throw new AwsError('InvalidInput', `Service ${AWSServiceName} does not support service-linked roles here`);
        if (CustomSuffix !== undefined && AWSServiceName !== 'autoscaling.amazonaws.com') {
          throw new AwsError('InvalidInput', 'Custom suffix is not allowed for this service');
        }
        const roleName = CustomSuffix === undefined ? name : `${name}_${CustomSuffix}`;
        const path = `${serviceLinkedPath}${AWSServiceName}/`;
        const attached = ['service-role/', 'aws-service-role/', ''].map((one) => `arn:aws:iam::aws:policy/${one}${policy}`).find((arn) => managedPolicy(arn));
        const role: IamRoleSpec = {
          roleName,
          roleId: newUniqueId('AROA'),
          arn: pathArn(call, 'role', path, roleName),
          path,
          createDate: now(call),
          attached: attached === undefined ? [] : [attached],
          inline: {},
          tags: [],
          trust: JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { Service: AWSServiceName }, Action: 'sts:AssumeRole' }] }),
          maxSessionDuration: 3600,
          ...(Description === undefined ? {} : { description: Description }),
        };
        if (!(await roles(call).create(place(call), iamId(roleName), role))) {
          throw new AwsError('InvalidInput', `Service role name ${roleName} has been taken in this account, please try a different suffix.`);
        }
        return { Role: roleOf(role) };
      }),
  }),
  DeleteServiceLinkedRole: defineAction<Iam.DeleteServiceLinkedRoleRequest, Iam.DeleteServiceLinkedRoleResponse>({
    resources: roleResource,
    handle: ({ RoleName = '' }, call) =>
      change(call, async () => {
        const role = getRole(call, RoleName);
        if (!role.path.startsWith(serviceLinkedPath)) throw new AwsError('InvalidInput', `Role ${RoleName} is not a service-linked role`);
        await roles(call).delete(place(call), iamId(RoleName));
        return { DeletionTaskId: `task${role.path}${role.roleName}/${call.random.uuid()}` };
      }),
  }),
  GetServiceLinkedRoleDeletionStatus: defineAction<Iam.GetServiceLinkedRoleDeletionStatusRequest, Iam.GetServiceLinkedRoleDeletionStatusResponse>({
    handle({ DeletionTaskId = '' }) {
      if (!DeletionTaskId.startsWith(`task${serviceLinkedPath}`)) throw new AwsError('NoSuchEntity', `Deletion task ${DeletionTaskId} cannot be found.`);
      // They are gone when the deletion is answered.
      return { Status: 'SUCCEEDED' };
    },
  }),
};
