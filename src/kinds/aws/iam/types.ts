export interface AwsTag {
  key: string;
  value: string;
}
/** What users and roles have in common; groups have it without boundary and tags. Times are RFC 3339. */
export interface IamPrincipal {
  arn: string;
  path: string;
  createDate: string;
  /** ARNs of managed policies. */
  attached: string[];
  /** Documents by name. */
  inline: { [name: string]: string };
  /** ARN of the managed policy that limits it. */
  boundary?: string;
  tags: AwsTag[];
}
