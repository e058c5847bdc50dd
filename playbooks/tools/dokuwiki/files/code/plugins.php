<?php
// Plugins that would sign people in by themselves, fetch code, or tell others about this wiki.
foreach (['authad', 'authldap', 'authpdo', 'authplain', 'extension', 'popularity', 'usermanager'] as $name) {
    $plugins[$name] = 0;
}
$plugins['coopsignon'] = 1;
