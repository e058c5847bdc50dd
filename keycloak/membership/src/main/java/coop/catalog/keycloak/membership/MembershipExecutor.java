package coop.catalog.keycloak.membership;

import java.util.List;
import java.util.Set;

import jakarta.ws.rs.core.MultivaluedMap;
import org.keycloak.OAuth2Constants;
import org.keycloak.OAuthErrorException;
import org.keycloak.models.AuthenticatedClientSessionModel;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.protocol.oidc.TokenExchangeContext;
import org.keycloak.protocol.oidc.grants.ciba.clientpolicy.context.BackchannelAuthenticationRequestContext;
import org.keycloak.protocol.oidc.grants.ciba.clientpolicy.context.BackchannelTokenResponseContext;
import org.keycloak.protocol.oidc.grants.device.clientpolicy.context.DeviceTokenResponseContext;
import org.keycloak.protocol.oidc.utils.OIDCResponseType;
import org.keycloak.representations.AccessToken;
import org.keycloak.representations.idm.ClientPolicyExecutorConfigurationRepresentation;
import org.keycloak.services.clientpolicy.ClientPolicyContext;
import org.keycloak.services.clientpolicy.ClientPolicyException;
import org.keycloak.services.clientpolicy.context.AuthorizationRequestContext;
import org.keycloak.services.clientpolicy.context.ClientModelContext;
import org.keycloak.services.clientpolicy.context.ClientPolicyClientSessionContext;
import org.keycloak.services.clientpolicy.context.ResourceOwnerPasswordCredentialsResponseContext;
import org.keycloak.services.clientpolicy.context.TokenExchangeRequestContext;
import org.keycloak.services.clientpolicy.executor.ClientPolicyExecutorProvider;

/**
 * The same question as at sign-in, asked wherever a token is given: so that neither a flow that goes past the
 * authenticator nor an old refresh token lets anybody in.
 *
 * <p>Of the grants, the authorization code and refreshing are open to every client, the others to those that list
 * them. An event that is not known here is refused.
 */
final class MembershipExecutor implements ClientPolicyExecutorProvider<ClientPolicyExecutorConfigurationRepresentation> {

    /** What would change, behind the check's back, whom an exchanged token speaks for or who may use it. */
    private static final List<String> REFUSED_EXCHANGE_PARAMETERS =
            List.of("requested_subject", "requested_issuer", "subject_issuer", "actor_token", "resource");

    private static final Set<String> OWN_TOKEN_TYPES = Set.of(OAuth2Constants.ACCESS_TOKEN_TYPE);

    private final KeycloakSession session;
    private final Membership membership;

    MembershipExecutor(KeycloakSession session) {
        this.session = session;
        this.membership = new Membership(session);
    }

    @Override
    public String getProviderId() {
        return MembershipExecutorFactory.ID;
    }

    @Override
    public void executeOnEvent(ClientPolicyContext context) throws ClientPolicyException {
        switch (context.getEvent()) {
            // No token comes of these, or another event follows that is looked at before one does.
            case REGISTER, REGISTERED, UPDATE, UPDATED, VIEW, UNREGISTER, PRE_AUTHORIZATION_REQUEST,
                    PUSHED_AUTHORIZATION_REQUEST, PRE_TOKEN_REQUEST, TOKEN_REQUEST, TOKEN_REFRESH, TOKEN_REVOKE,
                    TOKEN_REVOKE_RESPONSE, TOKEN_INTROSPECT, USERINFO_REQUEST, LOGOUT_REQUEST, SAML_AUTHN_REQUEST,
                    SAML_LOGOUT_REQUEST -> { }

            case AUTHORIZATION_REQUEST -> requireCode(as(AuthorizationRequestContext.class, context));
            case TOKEN_RESPONSE, TOKEN_REFRESH_RESPONSE ->
                    requireAdmitted(as(ClientPolicyClientSessionContext.class, context).getClientSession());

            case SERVICE_ACCOUNT_TOKEN_REQUEST, SERVICE_ACCOUNT_TOKEN_RESPONSE ->
                    requireGrant(client(context), Admission.Grant.CLIENT_CREDENTIALS);

            case DEVICE_AUTHORIZATION_REQUEST, DEVICE_TOKEN_REQUEST ->
                    requireGrant(client(context), Admission.Grant.DEVICE_CODE);
            case DEVICE_TOKEN_RESPONSE -> requireGranted(
                    Admission.Grant.DEVICE_CODE, as(DeviceTokenResponseContext.class, context).getClientSession());

            case BACKCHANNEL_AUTHENTICATION_REQUEST -> {
                BackchannelAuthenticationRequestContext request =
                        as(BackchannelAuthenticationRequestContext.class, context);
                requireGrant(client(context), Admission.Grant.CIBA);
                requireAdmitted(client(context), request.getParsedRequest().getUser());
            }
            case BACKCHANNEL_TOKEN_REQUEST -> requireGrant(client(context), Admission.Grant.CIBA);
            case BACKCHANNEL_TOKEN_RESPONSE -> requireGranted(
                    Admission.Grant.CIBA,
                    as(BackchannelTokenResponseContext.class, context).getClientSessionContext().getClientSession());

            case RESOURCE_OWNER_PASSWORD_CREDENTIALS_REQUEST ->
                    requireGrant(client(context), Admission.Grant.PASSWORD);
            case RESOURCE_OWNER_PASSWORD_CREDENTIALS_RESPONSE -> requireGranted(
                    Admission.Grant.PASSWORD,
                    as(ResourceOwnerPasswordCredentialsResponseContext.class, context)
                            .getClientSessionContext()
                            .getClientSession());

            case TOKEN_EXCHANGE_REQUEST ->
                    requireExchange(as(TokenExchangeRequestContext.class, context).getTokenExchangeContext());

            default -> throw notAllowed(context.getEvent().name());
        }
    }

    private void requireCode(AuthorizationRequestContext request) throws ClientPolicyException {
        OIDCResponseType type = request.getParsedResponseType();
        if (!type.hasSingleResponseType(OIDCResponseType.CODE)) {
            throw new ClientPolicyException(
                    OAuthErrorException.UNSUPPORTED_RESPONSE_TYPE, "Only the response type \"code\" is served.");
        }
    }

    private void requireGranted(Admission.Grant grant, AuthenticatedClientSessionModel clientSession)
            throws ClientPolicyException {
        requireGrant(clientSession.getClient(), grant);
        requireAdmitted(clientSession);
    }

    private void requireGrant(ClientModel client, Admission.Grant grant) throws ClientPolicyException {
        if (client == null || !Membership.admission(client).allows(grant)) {
            throw notAllowed(grant.word());
        }
    }

    private void requireAdmitted(AuthenticatedClientSessionModel clientSession) throws ClientPolicyException {
        requireAdmitted(clientSession.getClient(), clientSession.getUserSession().getUser());
    }

    private void requireAdmitted(ClientModel client, UserModel user) throws ClientPolicyException {
        if (!membership.admits(client, user)) {
            throw new ClientPolicyException(
                    OAuthErrorException.INVALID_GRANT, "The account is in no organization that this client admits.");
        }
    }

    /** The new token must be one that its subject could have got from the asking client and each named audience. */
    private void requireExchange(TokenExchangeContext exchange) throws ClientPolicyException {
        RealmModel realm = exchange.getRealm();
        requireGrant(exchange.getClient(), Admission.Grant.TOKEN_EXCHANGE);
        MultivaluedMap<String, String> form = exchange.getFormParams();
        if (REFUSED_EXCHANGE_PARAMETERS.stream().anyMatch(form::containsKey)
                || !OWN_TOKEN_TYPES.contains(exchange.getParams().getSubjectTokenType())) {
            throw notAllowed(Admission.Grant.TOKEN_EXCHANGE.word());
        }
        UserModel user = subject(realm, exchange.getParams().getSubjectToken());
        requireAdmitted(exchange.getClient(), user);
        List<String> audience = exchange.getParams().getAudience();
        for (String clientId : audience == null ? List.<String>of() : audience) {
            requireAdmitted(realm.getClientByClientId(clientId), user);
        }
    }

    private UserModel subject(RealmModel realm, String token) {
        AccessToken decoded = token == null ? null : session.tokens().decode(token, AccessToken.class);
        return decoded == null || decoded.getSubject() == null
                ? null
                : session.users().getUserById(realm, decoded.getSubject());
    }

    /** The asking client; some contexts leave it to the session. */
    private ClientModel client(ClientPolicyContext context) {
        return context instanceof ClientModelContext named ? named.getClient() : session.getContext().getClient();
    }

    private static <T> T as(Class<T> type, ClientPolicyContext context) throws ClientPolicyException {
        if (!type.isInstance(context)) {
            throw notAllowed(context.getEvent().name());
        }
        return type.cast(context);
    }

    private static ClientPolicyException notAllowed(String what) {
        return new ClientPolicyException(
                OAuthErrorException.UNAUTHORIZED_CLIENT, "This client may not use " + what + ".");
    }
}
