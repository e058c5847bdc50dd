package coop.catalog.keycloak.membership;

import java.util.List;

import org.keycloak.Config;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.provider.ProviderConfigProperty;
import org.keycloak.representations.idm.ClientPolicyExecutorConfigurationRepresentation;
import org.keycloak.services.clientpolicy.executor.ClientPolicyExecutorProvider;
import org.keycloak.services.clientpolicy.executor.ClientPolicyExecutorProviderFactory;

/** Makes {@link MembershipExecutor} known to Keycloak as {@code coop-membership-executor}. */
public final class MembershipExecutorFactory implements ClientPolicyExecutorProviderFactory {

    public static final String ID = "coop-membership-executor";

    @Override
    public String getId() {
        return ID;
    }

    @Override
    public ClientPolicyExecutorProvider<ClientPolicyExecutorConfigurationRepresentation> create(KeycloakSession session) {
        return new MembershipExecutor(session);
    }

    @Override
    public String getHelpText() {
        return "Gives tokens only to members of an organization that the client admits, by the grants that it lists.";
    }

    @Override
    public List<ProviderConfigProperty> getConfigProperties() {
        return List.of();
    }

    @Override
    public void init(Config.Scope config) {
        // Nothing to set.
    }

    @Override
    public void postInit(KeycloakSessionFactory factory) {
        // Nothing to prepare.
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
