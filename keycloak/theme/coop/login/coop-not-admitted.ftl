<#import "template.ftl" as layout>
<#-- Global, so that the layout's own <title> takes it. -->
<#global title = msg("coopNotAdmittedTitle") + " – " + msg("coopName")>
<#-- The account stands in the text: the layout need not show it in a field as well. -->
<#global auth = "">
<@layout.registrationLayout displayMessage=false; section>
    <#if section = "header">
        ${msg("coopNotAdmittedTitle")}
    <#elseif section = "form">
        <div id="coop-not-admitted">
            <p>${msg("coopNotAdmittedAccount")} <strong id="coop-account">${coopAccount}</strong></p>
            <p>${msg("coopNotAdmittedWhy")} <strong id="coop-tool">${coopTool}</strong></p>
            <p>${msg("coopNotAdmittedWhat")}</p>
            <ul class="coop-list">
                <li>
                    ${msg("coopNotAdmittedOther")}
                    <a id="coop-other-account" href="${url.loginRestartFlowUrl}">${msg("coopOtherAccount")}</a>
                </li>
                <li>
                    <#if coopHelpDesk??>
                        ${msg("coopNotAdmittedAsk")} (${coopHelpDeskOf})${msg("coopColon")}
                        <#if coopHelpDeskLink?has_content>
                            <a id="coop-help-desk" href="${coopHelpDeskLink}">${coopHelpDesk}</a>
                        <#else>
                            <span id="coop-help-desk">${coopHelpDesk}</span>
                        </#if>
                    <#else>
                        <span id="coop-help-desk">${msg("coopNotAdmittedAskGiver")}</span>
                    </#if>
                </li>
            </ul>
            <p>${msg("coopReference")} <strong id="coop-reference">${coopReference}</strong></p>
        </div>
    </#if>
</@layout.registrationLayout>
